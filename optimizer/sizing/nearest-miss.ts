import { compareText } from "../text-order.ts";
import type { Rejection } from "../workload.ts";

/** How far a rejected shape is from being allowed: 1 would just do, 2 needs twice what there is. */
function missFactor(rejection: Rejection): number {
  return rejection.allowed > 0 ? rejection.reached / rejection.allowed : Number.POSITIVE_INFINITY;
}

const cannotRunFor: ReadonlySet<Rejection["constraint"]> = new Set([
  "memory",
  "profile",
  "node",
  "heads",
  "keyValues",
]);

/** Shapes that cannot run the group at all come after those that run it, but too slowly or beyond a limit. */
function cannotRun({ constraint }: Rejection): number {
  return cannotRunFor.has(constraint) ? 1 : 0;
}

function shapeOf({ accelerator, gpusPerReplica, nodesPerReplica = 1 }: Rejection): string {
  return `${gpusPerReplica} ${nodesPerReplica} ${accelerator}`;
}

/**
 * Nearest shape first, where a shape is as far away as its worst miss; the worst miss of a shape before its others. A
 * total order, so that equal misses always come out alike.
 */
export function nearestMissFirst(rejections: readonly Rejection[]): readonly Rejection[] {
  const worst = new Map<string, number>();
  for (const rejection of rejections) {
    const shape = shapeOf(rejection);
    worst.set(shape, Math.max(worst.get(shape) ?? 0, missFactor(rejection)));
  }
  const distance = (rejection: Rejection) => worst.get(shapeOf(rejection)) ?? 0;
  return rejections.toSorted(
    (a, b) =>
      cannotRun(a) - cannotRun(b) ||
      compareNumbers(distance(a), distance(b)) ||
      compareText(a.accelerator, b.accelerator) ||
      a.gpusPerReplica - b.gpusPerReplica ||
      compareNumbers(missFactor(b), missFactor(a)) ||
      compareText(a.subject, b.subject) ||
      compareText(a.constraint, b.constraint) ||
      compareText(a.unit, b.unit),
  );
}

/** Infinities are equal to each other; their difference is not a number. */
function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
