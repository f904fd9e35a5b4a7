import type { PurchaseKind } from "./packing/node-options.ts";
import type { Scarcity } from "./placement/scarcity.ts";
import type { ProfileOrigin } from "./profiles/performance-profile.ts";
import type { Rejection } from "./workload.ts";

/** A predicted time in ms. */
export interface LatencyPrediction {
  readonly meanMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** What one workload will see at the planned size. */
export interface WorkloadPrediction {
  readonly workload: string;
  readonly ttft: LatencyPrediction;
  readonly itl: LatencyPrediction;
  readonly latency: LatencyPrediction;
}

/** One way to run a group: a shape, its size and what it costs by the card. */
export interface Candidate {
  readonly accelerator: string;
  /** Over all nodes of a replica. */
  readonly gpusPerReplica: number;
  /** Nodes that one replica spans, with a pod on each. Default: 1. */
  readonly nodesPerReplica?: number;
  /** Where a replica spans several nodes: what they all are, each taken whole by one pod. */
  readonly instanceType?: string;
  readonly replicas: number;
  readonly maxBatchSize: number;
  /** Weights of all models of the group over all cards of one replica. */
  readonly weightsGiB: number;
  /** Mean share of the batch slots in use, 0…1. */
  readonly utilisation: number;
  /** Joint rate that one replica carries at the SLOs. */
  readonly maxRequestsPerMinutePerReplica: number;
  readonly predictions: readonly WorkloadPrediction[];
  /** Replicas in each period of the group's day; `replicas` and the predictions are those of the busiest. */
  readonly replicasByPeriod?: readonly number[];
  /** What set the replica count. */
  readonly binding: "slo" | "saturation" | "minimum" | "fixed" | "idle";
  /** The SLO that bound, where `binding` is `slo`: workload id and target name. */
  readonly bindingSlo?: { readonly workload: string; readonly target: string };
  /** Cost at the cheapest price per card of this accelerator: a lower bound before packing. */
  readonly gpuUsdPerHour: number;
  readonly origins: readonly ProfileOrigin[];
  /**
   * Where the group is split over two accelerators: both parts, each with its share of the load. Where it is
   * disaggregated: the pools that read prompts and that generate, in this order; every request goes through both, so
   * predictions are those of the whole everywhere. Accelerator, cards and batch of the whole are then those of the first
   * part, the other figures are of both together.
   */
  readonly parts?: readonly Candidate[];
  /** What a part of a disaggregated group does; absent elsewhere. */
  readonly role?: PoolRole;
}

/** `prefill` reads prompts and gives the first token, `decode` generates the others. */
export type PoolRole = "prefill" | "decode";

/** What runs of a candidate: itself, or its parts. */
export function partsOf(candidate: Candidate): readonly Candidate[] {
  return candidate.parts ?? [candidate];
}

/**
 * Name of a part of a group, by which packings and nodes know it: after its role or its accelerator; the first part of a
 * split has the group's own.
 */
export function partName(group: string, part: Candidate, position: number): string {
  if (part.role) return `${group}-${part.role}`;
  return position === 0 ? group : `${group}-${part.accelerator.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
}

export interface GroupAllocation {
  readonly group: string;
  readonly chosen: Candidate;
  /** The other candidates, cheapest first, with the whole platform's extra node cost if chosen instead. */
  readonly alternatives: readonly { readonly candidate: Candidate; readonly extraUsdPerHour: number }[];
}

export interface UnplacedGroup {
  readonly group: string;
  /** Nearest miss first. */
  readonly rejections: readonly Rejection[];
}

/** Nodes of one instance type. */
export interface NodePoolAllocation {
  readonly accelerator: string;
  readonly instanceType: string;
  /** Default: on demand. */
  readonly purchase?: PurchaseKind;
  /** Absent where nodes may stand in any zone. */
  readonly zone?: string;
  readonly nodeCount: number;
  readonly usdPerHour: number;
  readonly nodes: readonly {
    /** Pods: a replica that spans several nodes counts once on each of them. */
    readonly replicas: readonly { readonly group: string; readonly count: number }[];
    /** Room kept for more replicas, in pods; absent where none is. */
    readonly spare?: readonly { readonly group: string; readonly count: number }[];
  }[];
}

export interface OptimizeResult {
  readonly allocations: readonly GroupAllocation[];
  readonly unplaced: readonly UnplacedGroup[];
  readonly nodePools: readonly NodePoolAllocation[];
  readonly usdPerHour: number;
  /** Proven: no nodes that hold these replicas within the limits cost less. */
  readonly lowerBoundUsdPerHour: number;
  /** What a few more cards of each limited accelerator would change, where they would. */
  readonly scarce: readonly Scarcity[];
}
