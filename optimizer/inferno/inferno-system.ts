/** A system as Inferno's data files describe it. Times in ms, costs in the files' unit an hour (cents). */
export interface InfernoSystem {
  readonly accelerators: readonly InfernoAccelerator[];
  readonly models: readonly ModelPerformance[];
  readonly serviceClasses: readonly ServiceClass[];
  readonly servers: readonly InfernoServer[];
  readonly capacity: readonly TypeCapacity[];
  readonly options: InfernoOptions;
}

/** One or several cards that are rented and used together. */
export interface InfernoAccelerator {
  readonly name: string;
  /** Kind of card that capacity is counted in. */
  readonly type: string;
  /** Cards of the type that one accelerator has. */
  readonly multiplicity: number;
  /** Cost of one accelerator an hour. */
  readonly cost: number;
}

/** How fast a model is on an accelerator: decoding takes alpha + beta·n, prefill gamma + delta·inputTokens·n. */
export interface ModelPerformance {
  readonly model: string;
  readonly accelerator: string;
  /** Accelerators that one replica takes. */
  readonly acceleratorCount: number;
  /** Largest batch at `atTokens` output tokens a request; scaled to other lengths. */
  readonly maxBatchSize: number;
  readonly atTokens: number;
  readonly alphaMs: number;
  readonly betaMs: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
}

export interface ServiceClass {
  readonly name: string;
  /** 1 (most important) … 100. */
  readonly priority: number;
  readonly targets: readonly ModelTarget[];
}

/** What a class promises for a model; 0 is no target. All are means. */
export interface ModelTarget {
  readonly model: string;
  readonly itlMs: number;
  readonly ttftMs: number;
  /** Where above 0, the load is this many tokens a second in all, and the arrival rate is not used. */
  readonly tokensPerSecond: number;
}

/** A model served to a class. */
export interface InfernoServer {
  readonly name: string;
  readonly serviceClass: string;
  readonly model: string;
  /** Only the current accelerator may be used, where there is one. */
  readonly keepAccelerator: boolean;
  readonly minReplicas: number;
  /** Instead of the model's own scaled batch size; 0 is none. */
  readonly maxBatchSize: number;
  readonly current: CurrentAllocation;
  readonly requestsPerMinute: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What serves now; an empty accelerator is nothing. */
export interface CurrentAllocation {
  readonly accelerator: string;
  readonly replicas: number;
  readonly cost: number;
}

export interface TypeCapacity {
  readonly type: string;
  readonly units: number;
}

/** Who gets what is left, among the servers that cannot be served in full. */
export type SaturationPolicy = "None" | "PriorityExhaustive" | "PriorityRoundRobin" | "RoundRobin";

export interface InfernoOptions {
  /** Capacity does not count. */
  readonly unlimited: boolean;
  /** A server may be split over two accelerators. */
  readonly heterogeneous: boolean;
  /** What is left goes round only when every priority had its turn, rather than after each priority. */
  readonly delayedBestEffort: boolean;
  readonly saturationPolicy: SaturationPolicy;
}
