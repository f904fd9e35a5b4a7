import type { WorkloadPrediction } from "../allocation.ts";

/** What one replica does at one arrival rate. */
export interface ReplicaAnalysis {
  /** Arrival rate over saturation rate; below 1 where the queue does not grow without end. */
  readonly utilisation: number;
  /** One for each workload that the replica serves, in its order. */
  readonly predictions: readonly WorkloadPrediction[];
}

/** One replica and the mix of workloads it serves, as one of the performance models sees it. */
export interface ReplicaModel {
  /** Requests a ms, over all workloads, while requests always wait; infinite where requests take no time. */
  readonly saturationPerMs: number;
  /** `requestsPerMs` must be above 0; every time grows with it. */
  at(requestsPerMs: number): ReplicaAnalysis;
  /** One request at a time, nobody else on the replica: the best it can do. */
  alone(): ReplicaAnalysis;
}
