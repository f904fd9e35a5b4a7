/** Requests of one model on a request/response server; they share batches with each other only. */
export interface BatchingTraffic {
  /** Share of the replica's requests, above 0; the shares of a replica sum to 1. */
  readonly share: number;
  /** A batch of n requests takes `baseMs + perRequestMs·n`. */
  readonly baseMs: number;
  readonly perRequestMs: number;
  /** Requests in one batch, at least 1. */
  readonly maxBatchSize: number;
}

/** One replica of a request/response server, as the dynamic-batching model sees it. */
export interface BatchingReplica {
  /** Batches that execute side by side, whatever their model, each in its own time; at least 1. */
  readonly instances: number;
  /** How long the oldest request of a batch that is not full waits for others to join. */
  readonly maxQueueDelayMs: number;
  /** One for each model, at least one. */
  readonly traffic: readonly BatchingTraffic[];
}

/** What requests meet, in ms. */
export interface BatchingTimes {
  /** From arrival to the end of the batch. */
  readonly latencyMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  /** From arrival to the start of the batch. */
  readonly queueMs: { readonly mean: number };
  /** Requests over batches. */
  readonly meanBatchSize: number;
}

export interface BatchingPrediction {
  /** Over all requests of the replica. */
  readonly overall: BatchingTimes;
  /** One for each model, in the order of the replica's traffic. */
  readonly traffic: readonly BatchingTimes[];
  /** Rate over `saturationPerSecond`; feasible means below 1. */
  readonly utilisation: number;
  /** Requests a second while requests of every model always wait: all batches are full. */
  readonly saturationPerSecond: number;
  /** Requests a second that are served: the rate, at most the saturation rate. */
  readonly throughputPerSecond: number;
}
