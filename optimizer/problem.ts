import type { Accelerator, InstanceType } from "./catalog/catalog.ts";
import type { NodeOptions } from "./packing/node-options.ts";
import type { GroupDemand } from "./workload.ts";

/** What daemons and the kubelet take of every node before replicas are packed. */
export interface NodeReservation {
  /** Daemon set requests per node. */
  readonly daemonCpuMillis: number;
  readonly daemonMemoryMiB: number;
  /** Daemon pods per node, counted against the pod limit. */
  readonly daemonPodCount: number;
}

export interface OptimizeProblem {
  readonly groups: readonly GroupDemand[];
  /** Accelerators that may be used. */
  readonly accelerators: readonly Accelerator[];
  /** Instance types that may be used. */
  readonly instanceTypes: readonly InstanceType[];
  /**
   * Cards there are per accelerator; an accelerator without an entry is unlimited. All cards of the planned nodes
   * count, in use or not: an instance comes with all of its cards.
   */
  readonly gpuLimits: Readonly<Record<string, number>>;
  readonly reservation: NodeReservation;
  /** How nodes are bought, where they stand and what room they keep. Default: on demand, anywhere, none. */
  readonly nodeOptions?: NodeOptions;
}

/** What sizing asks of a problem. */
export type SizingProblem = Pick<
  OptimizeProblem,
  "accelerators" | "instanceTypes" | "reservation" | "nodeOptions"
>;
