/** Percentiles of times that are mixtures of simple distributions. */

/** One way that a request may fare. */
export interface TimeComponent {
  /** Relative to those of the other components. */
  readonly weight: number;
  /** The least time, ms; the rest is added to it. */
  readonly leastMs: number;
  /** Mean and variance of the rest. */
  readonly restMs: number;
  readonly restVariance: number;
  /** `even`: any time within a range is as likely; else the rest has a gamma distribution. */
  readonly shape: "even" | "gamma";
}

/** Below this share of the time, spread is added: so that a percentile never jumps when weights change by a trifle. */
const leastSpread = 1e-3;

/** The time that the given share of the requests does not exceed. */
export function mixturePercentile(components: readonly TimeComponent[], share: number): number {
  let total = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const component of components) {
    if (component.weight <= 0) continue;
    total += component.weight;
    low = Math.min(low, component.leastMs);
    high = Math.max(high, component.leastMs + component.restMs + 12 * deviation(component));
  }
  if (!(high > low)) return high;
  const excess = (timeMs: number): number => {
    let below = 0;
    for (const component of components) {
      if (component.weight > 0) below += component.weight * cumulative(component, timeMs);
    }
    return below - share * total;
  };
  let excessLow = -share * total;
  let excessHigh = excess(high);
  while (excessHigh < 0) {
    high *= 2;
    excessHigh = excess(high);
  }
  let side = 0;
  for (let step = 0; step < 120 && high - low > 1e-9 * high; step++) {
    const middle =
      step % 3 === 2 ? (low + high) / 2 : (low * excessHigh - high * excessLow) / (excessHigh - excessLow);
    const value = excess(middle);
    if (value > 0) {
      high = middle;
      excessHigh = value;
      if (side === 1) excessLow /= 2;
      side = 1;
    } else {
      low = middle;
      excessLow = value;
      if (side === -1) excessHigh /= 2;
      side = -1;
    }
  }
  return (low + high) / 2;
}

function deviation({ leastMs, restMs, restVariance }: TimeComponent): number {
  return Math.sqrt(Math.max(restVariance, 0)) + leastSpread * (leastMs + restMs);
}

function cumulative(component: TimeComponent, timeMs: number): number {
  const spread = deviation(component);
  const restMs = Math.max(component.restMs, spread / 4);
  const over = timeMs - component.leastMs;
  if (component.shape === "even") {
    const width = Math.sqrt(3) * spread;
    return Math.min(1, Math.max(0, (over - restMs + width) / (2 * width)));
  }
  if (over <= 0) return 0;
  // Wilson and Hilferty: the cube root of a gamma variable is nearly normal.
  const inverseShape = (spread / restMs) ** 2;
  const centre = 1 - inverseShape / 9;
  const probability = normalCumulative((Math.cbrt(over / restMs) - centre) / Math.sqrt(inverseShape / 9));
  const atZero = normalCumulative(-centre / Math.sqrt(inverseShape / 9));
  return (probability - atZero) / (1 - atZero);
}

/** Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function normalCumulative(deviations: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(deviations));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = Math.exp((-deviations * deviations) / 2) * 0.3989422804014327 * series;
  return deviations > 0 ? 1 - tail : tail;
}
