import type { IterationParameters } from "../simulation/continuous-batching.ts";

/** Requests of one kind that a generation replica serves. */
export interface GenerationTraffic {
  /** Share of the replica's requests, above 0; the shares of a replica sum to 1. */
  readonly share: number;
  /** Prompt tokens of each request, at least 1. Need not be whole. */
  readonly inputTokens: number;
  /** Mean generated tokens a request, at least 1: K tokens take K-1 decode iterations. */
  readonly outputTokens: number;
  readonly outputDistribution: "geometric" | "fixed";
}

/** One replica of a generation engine, as the continuous-batching model sees it. */
export interface GenerationReplica {
  /** The same for all traffic: one model a replica. */
  readonly parameters: IterationParameters;
  /** Sequences in the engine at once, at least 1. */
  readonly maxBatchSize: number;
  /** Tokens one iteration processes, at least 1. */
  readonly maxBatchedTokens: number;
  /** At least one. */
  readonly traffic: readonly GenerationTraffic[];
}

/** What the requests of one kind meet, in ms. */
export interface GenerationTimes {
  readonly ttftMs: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  /** Mean over all gaps between tokens; p95 and p99 over requests of (last - first)/(K-1). 0 where K is 1. */
  readonly itlMs: { readonly mean: number; readonly p95: number; readonly p99: number };
  /** From arrival to the last token. */
  readonly latencyMs: { readonly mean: number; readonly p95: number; readonly p99: number };
}

export interface GenerationPrediction {
  /** Over all requests of the replica. */
  readonly overall: GenerationTimes;
  /** One for each kind of traffic, in its order. */
  readonly traffic: readonly GenerationTimes[];
  /** Rate over `saturationPerSecond`; feasible means below 1. */
  readonly utilisation: number;
  /** Requests a second while requests always wait. */
  readonly saturationPerSecond: number;
  /** Requests a second that are served: the rate, at most the saturation rate. */
  readonly throughputPerSecond: number;
}
