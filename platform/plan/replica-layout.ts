import type { GroupDemand } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";
import type { EngineType } from "../engines/registry.ts";
import type { ModelSpec } from "../spec/schema.ts";
import { modelOptions } from "./engine-options.ts";

/** What the spec says of a replica's cards and pools, of a group that is one model's alone. */
export function replicaLayout(
  profile: EngineProfile,
  model: ModelSpec | undefined,
  type: EngineType,
): Pick<GroupDemand, "gpusPerReplica" | "nodesPerReplica" | "disaggregated"> {
  if (profile.replicasPer !== "model" || !model) return {};
  const { gpusPerReplica, nodesPerReplica } = model;
  return {
    ...(gpusPerReplica === undefined ? {} : { gpusPerReplica }),
    ...(nodesPerReplica === undefined ? {} : { nodesPerReplica }),
    ...(profile.disaggregated?.(modelOptions(model, type)) ? { disaggregated: true } : {}),
  };
}
