/**
 * A root of a rising function between two points, by Chandrupatla's method (1997): inverse quadratic interpolation
 * where three points allow it, bisection elsewhere. Returns the upper end of the negative side, so that the function
 * is not above 0 there, to the relative `precision`.
 *
 * @param low where the function is at most 0
 * @param high where it is above 0
 */
export function findRoot(
  valueAt: (x: number) => number,
  low: number,
  high: number,
  valueAtLow: number,
  valueAtHigh: number,
  precision: number,
): number {
  let newest = high;
  let newestValue = valueAtHigh;
  let opposite = low;
  let oppositeValue = valueAtLow;
  let step = 0.5;
  for (let round = 0; round < mostRounds; round++) {
    const x = newest + step * (opposite - newest);
    const value = valueAt(x);
    let oldest = opposite;
    let oldestValue = oppositeValue;
    if (value > 0 === newestValue > 0) {
      oldest = newest;
      oldestValue = newestValue;
    } else {
      opposite = newest;
      oppositeValue = newestValue;
    }
    newest = x;
    newestValue = value;

    const smallestStep = (2 * precision * x) / Math.abs(opposite - newest);
    if (value === 0 || smallestStep > 0.5) break;
    const xi = (newest - opposite) / (oldest - opposite);
    const phi = (newestValue - oppositeValue) / (oldestValue - oppositeValue);
    step =
      phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi
        ? ((newestValue / (oppositeValue - newestValue)) * oldestValue) / (oppositeValue - oldestValue) +
          ((((oldest - newest) / (opposite - newest)) * newestValue) / (oldestValue - newestValue)) *
            (oppositeValue / (oldestValue - oppositeValue))
        : 0.5;
    step = Math.min(Math.max(step, smallestStep), 1 - smallestStep);
  }
  return newestValue <= 0 ? newest : opposite;
}

/** Bisection alone would need 50; the method needs about 9. */
const mostRounds = 120;
