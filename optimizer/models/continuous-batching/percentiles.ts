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

/** Share of the time by which each is spread at least, so that no percentile jumps where weights change by a trifle. */
const leastSpread = 1e-6;
/** Percentiles are found to this share of them. */
const precision = 1e-8;

/** The times that the given shares of the requests, which rise, do not exceed; 0 where there are no requests. */
export function mixturePercentiles(
  components: readonly TimeComponent[],
  shares: readonly number[],
): readonly number[] {
  const curves = components.filter(({ weight }) => weight > 0).map((component) => curveOf(component));
  if (curves.length === 0) return shares.map(() => 0);
  let total = 0;
  let low = Number.POSITIVE_INFINITY;
  let top = 0;
  for (const curve of curves) {
    total += curve.weight;
    low = Math.min(low, curve.fromMs);
    top = Math.max(top, curve.toMs);
  }
  return shares.map((share) => {
    low = percentile(curves, share * total, low, top);
    return low;
  });
}

/** A cumulative distribution, ready to be asked at many times. */
interface Curve {
  readonly weight: number;
  readonly even: boolean;
  readonly fromMs: number;
  /** Hardly any time is beyond it. */
  readonly toMs: number;
  /** Of an even one over its width, of a gamma one over its mean. */
  readonly perMs: number;
  /** Mean and 1/deviation of the cube root of a gamma variable with mean 1, which is nearly normal (Wilson, Hilferty). */
  readonly centre: number;
  readonly perDeviation: number;
  /** What the normal distribution leaves below 0. */
  readonly belowZero: number;
}

function curveOf({ weight, leastMs, restMs, restVariance, shape }: TimeComponent): Curve {
  const deviation = Math.sqrt(Math.max(restVariance, 0)) + leastSpread * (leastMs + restMs);
  const mean = Math.max(restMs, deviation / 4);
  const even = shape === "even";
  if (even) {
    const half = Math.sqrt(3) * deviation;
    const fromMs = leastMs + mean - half;
    const perMs = half > 0 ? 0.5 / half : Number.POSITIVE_INFINITY;
    return {
      weight,
      even,
      fromMs,
      toMs: leastMs + mean + half,
      perMs,
      centre: 0,
      perDeviation: 0,
      belowZero: 0,
    };
  }
  const ninth = mean > 0 ? (deviation / mean) ** 2 / 9 : 1 / 9;
  const centre = 1 - ninth;
  const perDeviation = 1 / Math.sqrt(ninth);
  return {
    weight,
    even,
    fromMs: leastMs,
    toMs: leastMs + mean + 12 * deviation,
    perMs: mean > 0 ? 1 / mean : Number.POSITIVE_INFINITY,
    centre,
    perDeviation,
    belowZero: normalCumulative(-centre * perDeviation),
  };
}

function cumulative(curve: Curve, timeMs: number): number {
  const over = timeMs - curve.fromMs;
  if (over <= 0) return 0;
  if (curve.even) return Math.min(1, over * curve.perMs);
  const below = normalCumulative((Math.cbrt(over * curve.perMs) - curve.centre) * curve.perDeviation);
  return (below - curve.belowZero) / (1 - curve.belowZero);
}

function weightBelow(curves: readonly Curve[], timeMs: number): number {
  let below = 0;
  for (const curve of curves) below += curve.weight * cumulative(curve, timeMs);
  return below;
}

/** Where the weight below is the wanted one, by the Illinois variant of false position. */
function percentile(curves: readonly Curve[], wanted: number, from: number, to: number): number {
  let low = from;
  let high = Math.max(to, from);
  let belowLow = weightBelow(curves, low) - wanted;
  if (belowLow >= 0) return low;
  let belowHigh = weightBelow(curves, high) - wanted;
  while (belowHigh < 0) {
    if (!(high > 0 && high < Number.MAX_VALUE / 4)) return high;
    high *= 2;
    belowHigh = weightBelow(curves, high) - wanted;
  }
  let side = 0;
  for (let step = 1; step < 100 && high - low > precision * high; step++) {
    // Now and then it halves, as along a flat stretch false position creeps.
    const middle =
      step % 4 === 0 ? (low + high) / 2 : low + ((high - low) * belowLow) / (belowLow - belowHigh);
    const below = weightBelow(curves, middle) - wanted;
    if (below > 0) {
      high = middle;
      belowHigh = below;
      if (side > 0) belowLow /= 2;
      side = 1;
    } else {
      low = middle;
      belowLow = below;
      if (side < 0) belowHigh /= 2;
      side = -1;
    }
    if (Math.abs(below) < 1e-12 * wanted) return middle;
  }
  return (low + high) / 2;
}

/** Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function normalCumulative(deviations: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(deviations));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = Math.exp((-deviations * deviations) / 2) * 0.3989422804014327 * series;
  return deviations > 0 ? 1 - tail : tail;
}
