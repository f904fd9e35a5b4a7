/** Counts of factors: two make a line, and more than a hundred are more than a chart can show. */
export const stepBounds = { min: 2, max: 101 } as const;
/** Factors a what-if may ask for: beyond, the answer says nothing of the platform that the spec describes. */
export const factorBounds = { min: 0.01, max: 100 } as const;

/**
 * Evenly spaced on a logarithmic axis from one factor to the other, both included, and 1 in any case, so that the spec as
 * written is always among them. Rounded to 9 digits, lest 2 appears as 1.9999999999999998.
 *
 * @throws RangeError where a bound is broken or `from` is not below `to`
 */
export function geometricFactors(from: number, to: number, steps: number): number[] {
  const { min, max } = factorBounds;
  if (!(min <= from && from < to && to <= max)) throw new RangeError(`no range of factors: ${from} to ${to}`);
  if (!(Number.isInteger(steps) && stepBounds.min <= steps && steps <= stepBounds.max)) {
    throw new RangeError(`no count of factors: ${steps}`);
  }
  const inner = Array.from({ length: steps }, (_, index) =>
    rounded(from * (to / from) ** (index / (steps - 1))),
  );
  return [...new Set([...inner, 1])].toSorted((left, right) => left - right);
}

/** Halfway between two factors on a logarithmic axis. */
export function geometricMiddle(left: number, right: number): number {
  return rounded(Math.sqrt(left * right));
}

function rounded(factor: number): number {
  return Number(factor.toPrecision(9));
}
