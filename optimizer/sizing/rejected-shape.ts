import type { Rejection } from "../workload.ts";
import type { ProfiledShape } from "./shapes.ts";

/** The shape as rejections name it. */
export function rejectedShape({
  accelerator,
  gpusPerReplica,
  nodesPerReplica,
}: Pick<ProfiledShape, "accelerator" | "gpusPerReplica" | "nodesPerReplica">): Pick<
  Rejection,
  "accelerator" | "gpusPerReplica" | "nodesPerReplica"
> {
  return { accelerator, gpusPerReplica, ...(nodesPerReplica > 1 ? { nodesPerReplica } : {}) };
}
