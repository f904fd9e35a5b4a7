import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import type { PlatformSpec } from "../../../platform/spec/schema.ts";
import { platformProgram } from "../../../stacks/program.ts";
import type { StackOutputInputs } from "../../../stacks/stack-outputs.ts";
import type { StackSettings } from "../../../stacks/stack-settings.ts";
import { recordingOf, type Recording } from "./resources-of.ts";

export interface StackRecording extends Recording<StackOutputInputs> {
  readonly spec: PlatformSpec;
  readonly plan: PlatformPlan;
}

/** Runs the whole program of a spec. */
export async function recordingOfSpec(
  spec: PlatformSpec,
  settings: Partial<StackSettings> = {},
): Promise<StackRecording> {
  const plan = planPlatform(spec);
  const recording = await recordingOf(() =>
    platformProgram({ spec, plan, settings: { spec: "test", ...settings }, offline: true }),
  );
  return { ...recording, spec, plan };
}

/** Runs the whole program of a shipped stack. */
export async function recordingOfStack(stack: string): Promise<StackRecording> {
  return recordingOfSpec(await loadSpec(`stacks/${stack}.yaml`));
}
