/** Where the parameters of a profile come from, carried into every plan and preview. */
export interface ProfileOrigin {
  /** `measured`: fitted to measured points. `given`: written in the spec. `estimate`: roofline, nobody measured it. */
  readonly kind: "measured" | "given" | "estimate";
  readonly source: string;
  /** Relative half-width of the interval the true times are expected in; 0.5 means ±50 %. 0 where unknown is `given`. */
  readonly uncertaintyFraction: number;
}

/**
 * How one model performs on one replica shape, in the four parameters of the Inferno model:
 * an iteration over n sequences takes `alpha + beta·n` ms to decode one token of each, and
 * `gamma + delta·(prompt tokens)·n` ms to prefill them.
 *
 * Request/response models (one forward pass a request) use the same form with one input token and one output
 * token a request: batch latency = `gamma + delta·n`; alpha and beta are 0.
 */
export interface PerformanceProfile {
  /** Model name as in the spec. */
  readonly model: string;
  /** Accelerator name as in the catalog. */
  readonly accelerator: string;
  /** Cards that one replica uses, over all its nodes where it spans several: tensor-parallel degree times stages. */
  readonly gpusPerReplica: number;
  /** Largest number of sequences in one batch. */
  readonly maxBatchSize: number;
  readonly alphaMs: number;
  readonly betaMs: number;
  readonly gammaMs: number;
  readonly deltaMs: number;
  /** Weights in GPU memory over all cards of the replica. */
  readonly weightsGiB: number;
  readonly origin: ProfileOrigin;
}
