import type { GroupDemand } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";
import type { EngineType } from "../engines/registry.ts";
import { PlatformError, type Problem } from "../errors/platform-error.ts";
import { groupNameMaxLength } from "../spec/group-name.ts";
import type { ModelSpec } from "../spec/schema.ts";
import { modelOptions } from "./engine-options.ts";

type Layout = Pick<GroupDemand, "gpusPerReplica" | "nodesPerReplica" | "disaggregated">;

/** What the spec says of a replica's cards and pools, of a group that is one model's alone. */
export function replicaLayout(
  profile: EngineProfile,
  model: ModelSpec | undefined,
  type: EngineType,
): Layout {
  if (profile.replicasPer !== "model" || !model) return {};
  const { gpusPerReplica, nodesPerReplica } = model;
  return {
    ...(gpusPerReplica === undefined ? {} : { gpusPerReplica }),
    ...(nodesPerReplica === undefined ? {} : { nodesPerReplica }),
    ...(profile.disaggregated?.(modelOptions(model, type)) ? { disaggregated: true } : {}),
  };
}

/** Pools are named after their group. */
const longestPoolSuffix = "-prefill".length;

/**
 * Rules of the spec see to this before a plan is made; a plan that could not be one of two pools must not come out.
 *
 * @throws PlatformError SPEC_COMBINATION_UNSUPPORTED or SPEC_VALUE_CONFLICT
 */
export function requirePools({
  id,
  disaggregated,
  fixedReplicas,
  maySplit,
}: Pick<GroupDemand, "id" | "disaggregated" | "fixedReplicas" | "maySplit">): void {
  if (!disaggregated) return;
  const problems: Problem[] = [];
  if (fixedReplicas !== undefined) {
    problems.push({
      code: "SPEC_COMBINATION_UNSUPPORTED",
      message: `${id} is two pools, and one count of replicas (${fixedReplicas}) says nothing of either`,
      allowed: "no replicas: both counts follow from load and targets; or disaggregation: false",
    });
  }
  if (maySplit) {
    problems.push({
      code: "SPEC_COMBINATION_UNSUPPORTED",
      message: `${id} is two pools, and would be split over two kinds of accelerators as well`,
      allowed: "one of disaggregation and splitAccelerators",
    });
  }
  if (id.length + longestPoolSuffix > groupNameMaxLength) {
    problems.push({
      code: "SPEC_VALUE_CONFLICT",
      message: `${id}-prefill has ${id.length + longestPoolSuffix} characters`,
      allowed: `${groupNameMaxLength} characters: shorter names of engine, model or service class`,
    });
  }
  if (problems.length > 0) throw new PlatformError(problems);
}
