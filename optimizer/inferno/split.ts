import { compareText } from "../text-order.ts";
import { costOf } from "./candidate.ts";
import type { CandidatePart } from "./candidate.ts";

/** Splits of one server that are offered to the assignment: more would slow it down and hardly ever be chosen. */
const mostSplits = 16;

/**
 * Ways to split a server over two accelerators, the cheapest first. `singles` serve it in full on one accelerator
 * each; the replicas of a split take load in proportion to what each can take, so that all targets hold on both.
 *
 * Of the pairs of counts, those are tried where the first accelerator does all but a few of its replicas, and those
 * where it does a quarter, a half or three quarters of them: the first leave the least unused, the others fit where
 * capacity is scarce.
 */
export function cheapestSplits(
  singles: readonly CandidatePart[],
  loadPerMs: number,
  minReplicas: number,
): readonly (readonly CandidatePart[])[] {
  // What serves any load alone is not worth splitting.
  const limited = singles.filter((single) => throughputOf(single) < Infinity);
  const splits = limited.flatMap((first) =>
    limited.flatMap((second) =>
      first === second
        ? []
        : firstCounts(first.replicas).flatMap((replicas) => {
            const rest = restOn(second, loadPerMs - replicas * throughputOf(first), minReplicas - replicas);
            // As many of the second as would do alone are no split that anybody wants.
            if (rest >= second.replicas) return [];
            const parts = [
              { ...first, replicas },
              { ...second, replicas: rest },
            ];
            return [parts.toSorted((a, b) => compareText(a.accelerator.name, b.accelerator.name))];
          }),
    ),
  );
  return distinct(splits)
    .toSorted((a, b) => costOfParts(a) - costOfParts(b) || compareText(keyOf(a), keyOf(b)))
    .slice(0, mostSplits);
}

function throughputOf({ offer }: CandidatePart): number {
  return offer?.throughputPerMs ?? 0;
}

/** Replicas of the first accelerator, out of as many as would do alone. */
function firstCounts(alone: number): readonly number[] {
  const counts = [1, 2, 3].map((fewer) => alone - fewer);
  const shares = [0.25, 0.5, 0.75].map((share) => Math.floor(share * alone));
  return [...new Set([...counts, ...shares])].filter((replicas) => replicas >= 1);
}

/** Replicas of the second accelerator for what is left of the load, and of the least number; a split has at least 1. */
function restOn(second: CandidatePart, loadPerMs: number, minReplicas: number): number {
  return Math.max(Math.ceil(loadPerMs / throughputOf(second)), minReplicas, 1);
}

function distinct(splits: readonly (readonly CandidatePart[])[]): readonly (readonly CandidatePart[])[] {
  return [...new Map(splits.map((parts) => [keyOf(parts), parts])).values()];
}

function keyOf(parts: readonly CandidatePart[]): string {
  return JSON.stringify(parts.map(({ accelerator, replicas }) => [accelerator.name, replicas]));
}

function costOfParts(parts: readonly CandidatePart[]): number {
  return parts.reduce((sum, part) => sum + costOf(part), 0);
}
