import type { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import { platformProgram } from "../../stacks/program.ts";
import { readStackSettings, settingsNamespace } from "../../stacks/stack-settings.ts";
import { findEngineCli, type EngineCliOptions } from "./engine-cli.ts";
import { EngineStack } from "./engine-stack.ts";
import { createOwnFolders, findStackHome, problemsOfStackHome, type StackHome } from "./stack-home.ts";
import { requireStackName } from "./stack-name.ts";

export interface OpenStackOptions extends EngineCliOptions {
  readonly stack: string;
  /** Path of the platform spec; wins over the stack's own setting `spec`. */
  readonly specFile: string;
  /**
   * Where the engine keeps state, such as `s3://bucket` or `file:///var/lib/pulumi`.
   * @default PULUMI_BACKEND_URL, else `domino-inference/pulumi` under XDG_STATE_HOME
   */
  readonly backendUrl?: string;
  /**
   * Folder with `Pulumi.yaml` and `Pulumi.<stack>.yaml`, whose settings and secrets the program reads.
   * @default the current folder where it has a `Pulumi.yaml`, else `domino-inference/project` under XDG_STATE_HOME
   */
  readonly workDir?: string;
}

/**
 * Makes a stack ready for operations. The spec is read and planned here, so that what is wrong with it shows before
 * anything is looked for or changed.
 *
 * @throws PlatformError
 */
export async function openStack(options: OpenStackOptions): Promise<EngineStack> {
  const { stack, specFile } = options;
  requireStackName(stack);
  const spec = await loadSpec(specFile);
  if (spec.metadata.stage === "local") {
    const message = `platform "${spec.metadata.name}" has stage local, which has no cluster to deploy to`;
    throw new PlatformError([{ code: "STACK_STAGE_UNSUPPORTED", path: "metadata.stage", message }]);
  }
  const plan = planPlatform(spec);
  const home = findStackHome(options);
  const cli = await requireEngine(options, home);
  await createOwnFolders(home);
  return new EngineStack({
    ...home,
    project: settingsNamespace,
    stack,
    cli,
    program: async () => ({
      ...(await platformProgram({
        spec,
        plan,
        settings: { ...readStackSettings(stack), spec: specFile },
        offline: false,
      })),
    }),
  });
}

/** Finds the CLI and judges the home before a folder is created, and tells what is wrong with both at once. */
async function requireEngine(options: OpenStackOptions, home: StackHome): Promise<PulumiCommand> {
  const problems = await problemsOfStackHome(options.stack, home);
  // Nothing is downloaded for an operation that cannot run; that no CLI is there yet is no problem then.
  if (problems.length > 0 && options.installCli === true) throw new PlatformError(problems);
  let cli: PulumiCommand;
  try {
    cli = await findEngineCli(options);
  } catch (error) {
    if (!PlatformError.is(error)) throw error;
    throw new PlatformError([...error.problems, ...problems], { cause: error });
  }
  if (problems.length > 0) throw new PlatformError(problems);
  return cli;
}
