/** Positions of an array, both ends included; empty where `last` is below `first`. */
export interface Band {
  readonly first: number;
  readonly last: number;
}

/** Terms this much below the largest do not count: far below what a millionth of a request could show. */
const negligible = 1e-13;

/**
 * Fills an array with the probabilities of 0, 1, 2 … events where `mean` are expected, and gives the band of those that
 * count; the others keep what they held. What lies beyond the end of the array is left out.
 */
export function fillPoisson(mean: number, probabilities: Float64Array): Band {
  const end = probabilities.length - 1;
  if (!(mean > 0)) {
    probabilities[0] = 1;
    return { first: 0, last: 0 };
  }
  const mode = Math.min(Math.floor(mean), end);
  const largest = Math.exp(mode * Math.log(mean) - mean - logFactorial(mode));
  const least = largest * negligible;
  probabilities[mode] = largest;
  let first = mode;
  for (let term = largest; first > 0; first--) {
    term *= first / mean;
    if (term < least) break;
    probabilities[first - 1] = term;
  }
  let last = mode;
  for (let term = largest; last < end; last++) {
    term *= mean / (last + 1);
    if (term < least) break;
    probabilities[last + 1] = term;
  }
  return { first, last };
}

/** 0 outside the band. */
export function probabilityOf(events: number, probabilities: Float64Array, { first, last }: Band): number {
  return events >= first && events <= last ? (probabilities[events] ?? 0) : 0;
}

const tabled = 16;
const logFactorials = new Float64Array(tabled);
for (let n = 2; n < tabled; n++) logFactorials[n] = (logFactorials[n - 1] ?? 0) + Math.log(n);

/** ln n! by Stirling's series, whose error is below 1e-12 where it is used. */
function logFactorial(n: number): number {
  if (n < tabled) return logFactorials[n] ?? 0;
  const x = n + 1;
  const inverseSquare = 1 / (x * x);
  const series = (1 / 12 - inverseSquare * (1 / 360 - inverseSquare * (1 / 1260 - inverseSquare / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
