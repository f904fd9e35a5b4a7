import { certain } from "../certain.ts";
import { partsOf } from "../allocation.ts";
import type { Candidate, GroupAllocation, UnplacedGroup } from "../allocation.ts";
import { nearestMissFirst } from "../sizing/nearest-miss.ts";
import type { Rejection } from "../workload.ts";
import { acceleratorsOf, improve, placeInOrder } from "./placement.ts";
import { isCheaper, unplaced } from "./platform-cost.ts";
import type { Choice, Platform, PlatformCost } from "./platform-cost.ts";

/**
 * Choices costed before no further start is tried. A search from one start is always finished; this many cost some
 * hundredths of a second. Problems of a few dozen groups try every start.
 */
const evaluationBudget = 20_000;

/**
 * A candidate for every group that can be placed: the most groups of the most important priority first, then of the
 * next; among those the cheapest nodes found. Single moves do not see that two groups could share a node of a third
 * accelerator, so the search starts once from the cheapest cards and once from each accelerator.
 */
export function assign(platform: Platform): Choice {
  const accelerators = acceleratorsOf(platform.groups.flatMap(({ candidates }) => candidates));
  let best: Outcome | undefined;
  for (const preferred of [undefined, ...accelerators]) {
    if (best && platform.evaluations >= evaluationBudget) break;
    const outcome = outcomeOf(platform, improve(platform, placeInOrder(platform, preferred)));
    if (outcome && (!best || isBetter(outcome, best))) best = outcome;
  }
  return best?.choice ?? platform.groups.map(() => unplaced);
}

interface Outcome {
  readonly choice: Choice;
  /** Groups placed at each priority, the most important first. */
  readonly placed: readonly number[];
  readonly cost: PlatformCost;
}

function outcomeOf(platform: Platform, choice: Choice): Outcome | undefined {
  const cost = platform.costOf(choice);
  if (!cost) return undefined;
  const byPriority = new Map<number, number>();
  for (const [index, { priority }] of platform.groups.entries()) {
    byPriority.set(priority, (byPriority.get(priority) ?? 0) + Number(choice[index] !== unplaced));
  }
  // The groups come in order of priority, and so do the map's entries.
  return { choice, placed: [...byPriority.values()], cost };
}

function isBetter(a: Outcome, b: Outcome): boolean {
  for (const [level, placed] of a.placed.entries())
    if (placed !== b.placed[level]) return placed > certain(b.placed[level]);
  return isCheaper(a.cost, b.cost);
}

/** The chosen candidates, each with what every other one would add to the cost of the nodes. */
export function allocationsOf(platform: Platform, choice: Choice): readonly GroupAllocation[] {
  const chosenUsdPerHour = platform.costOf(choice)?.nodeUsdPerHour ?? 0;
  return platform.groups.flatMap(({ group, candidates }, index) => {
    const chosen = candidates[certain(choice[index])];
    if (!chosen) return [];
    const alternatives = candidates.flatMap((candidate, at) => {
      // A split is an answer, and no shape to choose instead.
      const cost =
        at === choice[index] || isSplit(candidate) ? undefined : platform.costOf(choice.with(index, at));
      return cost ? [{ candidate, extraUsdPerHour: cost.nodeUsdPerHour - chosenUsdPerHour }] : [];
    });
    // A stable sort: candidates of equal cost stay in their own order.
    const cheapestFirst = alternatives.toSorted((a, b) => a.extraUsdPerHour - b.extraUsdPerHour);
    return [{ group: group.id, chosen, alternatives: cheapestFirst }];
  });
}

/** The groups without a candidate, or with candidates that the limits on cards leave no room for. */
export function unplacedOf(platform: Platform, choice: Choice): readonly UnplacedGroup[] {
  return platform.groups.flatMap(({ group, candidates, rejections }, index) => {
    if (choice[index] !== unplaced) return [];
    const tooFewCards = candidates.flatMap((candidate, at) =>
      isSplit(candidate) ? [] : shortages(platform, group.id, candidate, choice.with(index, at)),
    );
    return [{ group: group.id, rejections: nearestMissFirst([...rejections, ...tooFewCards]) }];
  });
}

/** Two pools of a disaggregated group are not a split: it has no other candidates. */
function isSplit({ parts }: Candidate): boolean {
  return parts?.every(({ role }) => role === undefined) ?? false;
}

/** Too few cards, or too few nodes that may be bought: of the one accelerator, or of those of two pools that lack some. */
function shortages(
  platform: Platform,
  subject: string,
  candidate: Candidate,
  choice: Choice,
): readonly Rejection[] {
  const all = [...Map.groupBy(partsOf(candidate), ({ accelerator }) => accelerator)].map(
    ([accelerator, parts]): Rejection => {
      const { gpusPerReplica, nodesPerReplica } = certain(parts[0]);
      const shape = {
        accelerator,
        gpusPerReplica,
        ...(nodesPerReplica === undefined ? {} : { nodesPerReplica }),
        subject,
      };
      const allowed = platform.limitOf(accelerator);
      if (!Number.isFinite(allowed)) {
        return { ...shape, constraint: "purchase", allowed: 0, reached: 1, unit: "nodes" };
      }
      const reached = platform.gpuCountWithoutLimit(accelerator, choice);
      return { ...shape, constraint: "capacity", allowed, reached, unit: "GPU" };
    },
  );
  const tooFew = all.filter(
    ({ constraint, allowed, reached }) => constraint === "capacity" && reached > allowed,
  );
  return tooFew.length > 0 ? tooFew : all;
}
