/** More replicas than this are a mistyped load or target. */
export const mostReplicas = 10_000;

/** The least count from `from` on for which it holds, where it holds for all larger ones too. */
export function fewest(holds: (count: number) => boolean, from: number): number | undefined {
  if (holds(from)) return from;
  let tooFew = from;
  let enough = Math.max(2 * from, 1);
  while (!holds(enough)) {
    if (enough >= mostReplicas) return undefined;
    tooFew = enough;
    enough *= 2;
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (holds(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}
