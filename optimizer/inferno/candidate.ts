import type { InfernoAccelerator, ModelPerformance } from "./inferno-system.ts";
import type { Offer } from "./offers.ts";

/** Replicas on one accelerator. */
export interface CandidatePart {
  readonly accelerator: InfernoAccelerator;
  readonly performance: ModelPerformance;
  readonly maxBatchSize: number;
  readonly replicas: number;
  /** The load that one replica can take; absent for replicas kept without load. */
  readonly offer?: Offer;
}

/** One way to serve a server in full. */
export interface Candidate {
  /** None for a server that needs nothing, two where it is split over accelerators, otherwise one. */
  readonly parts: readonly CandidatePart[];
  /** In all. */
  readonly replicas: number;
  readonly cost: number;
  /** Cost and the penalty of a change from the current allocation. */
  readonly value: number;
}

/** Cards of its type that one replica takes. */
export function unitsPerReplica({ accelerator, performance }: CandidatePart): number {
  return performance.acceleratorCount * accelerator.multiplicity;
}

export function costOf({ accelerator, performance, replicas }: Omit<CandidatePart, "maxBatchSize">): number {
  return accelerator.cost * (performance.acceleratorCount * replicas);
}
