import type { AssignmentProof } from "../assignment/solve.ts";
import type { UnservedReason } from "./unserved-reason.ts";

/** What a server gets. Times in ms, cost in the files' unit an hour. */
export interface ServerAllocation {
  readonly server: string;
  /** Empty for nothing; the names of both joined by `+` where it is split. */
  readonly accelerator: string;
  readonly replicas: number;
  /** Largest batch of one replica; of the first part where it is split. */
  readonly maxBatchSize: number;
  readonly cost: number;
  readonly value: number;
  readonly itlMs: number;
  readonly ttftMs: number;
  /** Mean share of the batch slots in use, 0…1. */
  readonly rho: number;
  readonly served: "full" | "partial" | "none";
  /** Why it is not served in full. */
  readonly reason?: UnservedReason;
  /** The parts of a split. */
  readonly split?: readonly AllocationPart[];
}

export interface AllocationPart {
  readonly accelerator: string;
  readonly replicas: number;
  readonly maxBatchSize: number;
}

/** Cards of one type. */
export interface TypeUse {
  readonly type: string;
  readonly units: number;
  /** Infinite where capacity does not count. */
  readonly capacityUnits: number;
}

export interface InfernoAllocations {
  /** Every server of the system, in the order of their names. */
  readonly allocations: readonly ServerAllocation[];
  readonly totals: {
    readonly cost: number;
    readonly value: number;
    readonly full: number;
    readonly partial: number;
    readonly none: number;
  };
  /** Types in use or with capacity, in the order of their names. */
  readonly units: readonly TypeUse[];
  readonly proof: Pick<AssignmentProof, "status" | "gap">;
  /** What ended the exact search before its time, as text; the answer is the best until then. */
  readonly failure?: string;
}
