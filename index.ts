import * as pulumi from "@pulumi/pulumi";
import { PlatformError } from "./platform/errors/platform-error.ts";
import { planPlatform } from "./platform/plan/plan.ts";
import { loadSpec } from "./platform/spec/load.ts";
import { platformProgram } from "./stacks/program.ts";
import type { StackOutputInputs } from "./stacks/stack-outputs.ts";
import { readStackSettings } from "./stacks/stack-settings.ts";

/**
 * The program that `pulumi up` runs. Pulumi calls the function that an ES module exports by default and takes what it
 * returns as the stack's outputs, so that importing this file does nothing.
 */
export default async function main(): Promise<StackOutputInputs> {
  try {
    const settings = readStackSettings();
    const spec = await loadSpec(settings.spec);
    return await platformProgram({ spec, plan: planPlatform(spec), settings, offline: false });
  } catch (error) {
    // Printed by Pulumi without a stack trace: the text says all that its reader can act on.
    if (PlatformError.is(error)) throw new pulumi.RunError(error.message);
    throw error;
  }
}
