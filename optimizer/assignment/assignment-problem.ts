/** Which way each server is served when capacity does not suffice for everybody's best. */
export interface AssignmentProblem {
  readonly servers: readonly AssignmentServer[];
  /** Units there are of each capacity type; infinite where it is not limited. Positions are the types' numbers. */
  readonly capacityUnits: readonly number[];
}

/** A model and service class that is served by one of its options or not at all. */
export interface AssignmentServer {
  /** Unique in a problem. */
  readonly id: string;
  /** 1 (most important) … 100: a server is never left out for any number of servers below it. */
  readonly priority: number;
  readonly options: readonly AssignmentOption[];
}

/** One way to serve a server in full. */
export interface AssignmentOption {
  /** What all its replicas take together; one entry a type, usually one. Empty for a server without load. */
  readonly uses: readonly { readonly type: number; readonly units: number }[];
  /** Replicas that it takes to serve the server in full; 0 for a server without load. */
  readonly replicas: number;
  /** What is minimised: cost, or cost and the penalty of a change. May be negative. */
  readonly value: number;
}

/** Position of the chosen option for each server, or {@link unserved}. */
export type Assignment = Int32Array;

export const unserved = -1;
