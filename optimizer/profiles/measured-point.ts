/** One measurement of a generation model: means over the requests of one benchmark run. */
export interface MeasuredPoint {
  /**
   * Requests in flight at once, at least 1: the concurrency of a benchmark that sends the next request when one ends.
   * Of a benchmark with its own arrival rate, 1 + rate·latency: a request and those it meets.
   */
  readonly batch: number;
  /** Mean prompt tokens a request. */
  readonly inputTokens: number;
  /** Mean generated tokens a request; without it, decoding and prefill cannot be told apart in `itlMs`. */
  readonly outputTokens?: number;
  /** Mean time to first token, from sending the request. */
  readonly ttftMs?: number;
  /** Mean time between tokens, over requests of (last - first)/(tokens - 1). */
  readonly itlMs?: number;
}

/** One measurement of a request/response model. */
export interface MeasuredBatch {
  /** Requests that one forward pass answers. */
  readonly batch: number;
  /** Mean time of the pass, without waiting. */
  readonly latencyMs: number;
}

/** Times outside of it are mistakes of unit. 10⁷ ms are almost three hours. */
export const measurableMs = { least: 1e-3, most: 1e7 } as const;
/** More tokens than any model's context. */
export const mostTokens = 1e8;
/** More requests in flight than any client holds. */
export const mostRequests = 1e6;

export interface PointProblem {
  /** Position in the list, from 0. */
  readonly index: number;
  readonly field: keyof MeasuredPoint | keyof MeasuredBatch;
  readonly found: number;
  readonly least: number;
  readonly most: number;
}

export function pointProblems(points: readonly (MeasuredPoint | MeasuredBatch)[]): PointProblem[] {
  return points.flatMap((point, index) =>
    limits.flatMap(([field, least, most]) => {
      const values: Partial<Record<PointProblem["field"], number>> = point;
      const found = values[field];
      // Written so that NaN is a problem.
      return found === undefined || (found >= least && found <= most)
        ? []
        : [{ index, field, found, least, most }];
    }),
  );
}

const limits: readonly (readonly [field: PointProblem["field"], least: number, most: number])[] = [
  ["batch", 1, mostRequests],
  ["inputTokens", 1, mostTokens],
  ["outputTokens", 1, mostTokens],
  ["ttftMs", measurableMs.least, measurableMs.most],
  ["itlMs", measurableMs.least, measurableMs.most],
  ["latencyMs", measurableMs.least, measurableMs.most],
];
