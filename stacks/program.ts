import { PlatformError, type Problem } from "../platform/errors/platform-error.ts";
import type { PlatformPlan } from "../platform/plan/platform-plan.ts";
import { requirePlaced } from "../platform/plan/unplaceable.ts";
import type { PlatformSpec } from "../platform/spec/schema.ts";
import { addonModes } from "./addon-modes.ts";
import { resolveDatasets } from "./datasets.ts";
import { deployToExistingCluster } from "./existing-cluster.ts";
import { stackAccess } from "./providers.ts";
import type { StackOutputInputs } from "./stack-outputs.ts";
import type { StackSettings } from "./stack-settings.ts";

export interface PlatformProgramOptions {
  readonly spec: PlatformSpec;
  readonly plan: PlatformPlan;
  readonly settings: StackSettings;
  /** Ask nobody: what only Domino's API could answer is an error, and add-ons that the spec does not state are installed. */
  readonly offline: boolean;
}

/**
 * The Pulumi program of every stack, wherever it runs: under `pulumi up`, the Automation API or mocks.
 * Whatever can be refused is refused before the first resource; where EKS is asked for the way into the cluster, that is
 * after the provider it is asked through.
 *
 * @throws PlatformError
 */
export async function platformProgram(options: PlatformProgramOptions): Promise<StackOutputInputs> {
  const { spec, plan, settings } = options;
  if (spec.metadata.stage === "local") {
    throw new PlatformError([
      {
        code: "STACK_STAGE_UNSUPPORTED",
        path: "metadata.stage",
        message: `platform "${spec.metadata.name}" has stage local, which has no cluster to deploy to`,
      },
    ]);
  }
  const cluster = spec.cluster?.existing;
  const proxy = spec.proxy;
  if (!cluster || !proxy) {
    throw new PlatformError([...(cluster ? [] : [missing("cluster")]), ...(proxy ? [] : [missing("proxy")])]);
  }
  if (!cluster.efs && plan.engines.some(({ storage }) => storage.kind === "dataset")) {
    throw new PlatformError([missing("cluster.existing.efs")]);
  }
  requirePlaced(plan);
  const datasets = await resolveDatasets(spec, {
    offline: options.offline,
    ...(settings.dominoApiKey === undefined ? {} : { dominoApiKey: settings.dominoApiKey }),
  });
  const access = stackAccess(plan, cluster, settings);
  const addons = await addonModes(spec, { offline: options.offline, access: access.cluster });
  return deployToExistingCluster({ spec, plan, access, datasets, addons, cluster, proxy });
}

function missing(key: string): Problem {
  return {
    code: "SPEC_KEY_MISSING",
    path: key,
    message: `${key} is missing`,
    allowed: "required in a cluster",
  };
}
