/** What is known of one time of many requests, in ms. */
export interface TimeStatistics {
  readonly mean: number;
  /** Half-width of the 95 % confidence interval of the mean; infinite where the requests are too few to tell. */
  readonly meanHalfWidth: number;
  readonly p50: number;
  readonly p95: number;
  /** Half-width of the 95 % confidence interval of `p95`; infinite where the requests are too few to tell. */
  readonly p95HalfWidth: number;
  readonly p99: number;
}

/**
 * Batches that a sequence of requests is cut into: requests that follow each other wait for the same reasons, so that
 * their spread says little about the mean's. Means of long batches hardly depend on each other.
 */
const batches = 20;
/** 97.5 % point of Student's t with `batches - 1` degrees of freedom. */
const studentT = 2.093;
/** Below this many values a batch says nothing about itself. */
const leastValuesPerBatch = 20;

/** Statistics of values in order of arrival; not a number where there are none. */
export function timeStatistics(values: readonly number[]): TimeStatistics {
  const sorted = Float64Array.from(values).sort();
  const p95Of = (part: readonly number[]): number => quantile(Float64Array.from(part).sort(), 0.95);
  return {
    mean: meanOf(values),
    meanHalfWidth: halfWidth(values, meanOf),
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p95HalfWidth: halfWidth(values, p95Of),
    p99: quantile(sorted, 0.99),
  };
}

/** Half-width of the 95 % confidence interval of an estimate, from its values over the batches of a sequence. */
export function halfWidth<Value>(
  sequence: readonly Value[],
  estimate: (part: readonly Value[]) => number,
): number {
  const size = Math.floor(sequence.length / batches);
  if (size < leastValuesPerBatch) return Number.POSITIVE_INFINITY;
  const estimates = Array.from({ length: batches }, (_, batch) =>
    estimate(sequence.slice(batch * size, (batch + 1) * size)),
  );
  const mean = meanOf(estimates);
  const variance = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches - 1);
  return studentT * Math.sqrt(variance / batches);
}

/** Not a number where there are no values. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least the given share of all values do not exceed; not a number where there are none. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
