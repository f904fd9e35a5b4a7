import { certain } from "../certain.ts";
import { partsOf } from "../allocation.ts";
import type { Candidate } from "../allocation.ts";
import { isCheaper, unplaced } from "./platform-cost.ts";
import type { Choice, Platform, PlatformCost } from "./platform-cost.ts";

/**
 * Places the groups in their order, the most important first. A group that finds no cards left may move one group
 * before it to another candidate, but never push it out: a class is never served at the cost of one above it.
 * `preferred` is the accelerator that is tried first; without it the cheapest cards are.
 */
export function placeInOrder(platform: Platform, preferred: string | undefined): Choice {
  const choice: number[] = platform.groups.map(() => unplaced);
  for (const [index, { candidates }] of platform.groups.entries()) {
    const order = [...candidates.keys()].toSorted(
      (a, b) =>
        Number(certain(candidates[b]).accelerator === preferred) -
          Number(certain(candidates[a]).accelerator === preferred) || a - b,
    );
    const first = order.find((candidate) => platform.costOf(choice.with(index, candidate)) !== undefined);
    if (first !== undefined) choice[index] = first;
    else makeRoom(platform, choice, index);
  }
  return choice;
}

/** Moves the one group before `index` whose move lets it be placed at the least cost, if there is any. */
function makeRoom(platform: Platform, choice: number[], index: number): void {
  const { candidates } = certain(platform.groups[index]);
  let best: { readonly choice: Choice; readonly cost: PlatformCost } | undefined;
  for (let other = 0; other < index; other++) {
    const blocking = certain(platform.groups[other]).candidates[certain(choice[other])];
    if (!blocking) continue;
    for (const alternative of certain(platform.groups[other]).candidates.keys()) {
      if (alternative === choice[other]) continue;
      for (const [candidate, wanted] of candidates.entries()) {
        // Only cards that the move sets free can help.
        if (!shareAccelerators(wanted, blocking)) continue;
        const moved = choice.with(other, alternative).with(index, candidate);
        const cost = platform.costOf(moved);
        if (cost && (!best || isCheaper(cost, best.cost))) best = { choice: moved, cost };
      }
    }
  }
  if (best) for (const [at, chosen] of best.choice.entries()) choice[at] = chosen;
}

/**
 * Moves one group at a time to the candidate that makes the whole platform cheapest, until no move does. Every move
 * lowers the cost, so it ends; placed groups stay placed.
 */
export function improve(platform: Platform, start: Choice): Choice {
  let choice = start;
  let cost = platform.costOf(choice);
  for (let moved = cost !== undefined; moved;) {
    moved = false;
    for (const [index, { candidates }] of platform.groups.entries()) {
      if (choice[index] === unplaced) continue;
      for (const candidate of candidates.keys()) {
        if (candidate === choice[index]) continue;
        const next = choice.with(index, candidate);
        const nextCost = platform.costOf(next);
        if (nextCost && cost && isCheaper(nextCost, cost)) {
          choice = next;
          cost = nextCost;
          moved = true;
        }
      }
    }
  }
  return choice;
}

function shareAccelerators(one: Candidate, other: Candidate): boolean {
  return partsOf(one).some((part) =>
    partsOf(other).some(({ accelerator }) => accelerator === part.accelerator),
  );
}

/** Accelerators that any of the candidates use, in order. */
export function acceleratorsOf(candidates: readonly Candidate[]): readonly string[] {
  return [...new Set(candidates.map(({ accelerator }) => accelerator))].toSorted();
}
