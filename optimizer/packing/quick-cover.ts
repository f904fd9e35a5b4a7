import { equalUsdPerHour, isWithin, usdPerHourOf } from "./cover-problem.ts";
import type { CoverProblem } from "./cover-problem.ts";
import { exactCover } from "./exact-cover.ts";
import type { NodePrice } from "./exact-cover.ts";
import { greedyCover } from "./greedy-cover.ts";
import { certain } from "../certain.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";

export interface QuickCover {
  readonly patterns: readonly NodePattern[];
  /** Whether nothing is cheaper, limits aside. */
  readonly isCheapest: boolean;
}

const usdPerHour: NodePrice = (node) => node.usdPerHour;

/** Cards before money: a million dollars an hour are worth less than one card. */
const cardsFirst: NodePrice = ({ instanceType, usdPerHour: usd }) => instanceType.gpuCount + usd * 1e-6;

/** What a card may be said to cost besides its node, in prices of the cheapest card, where cards are scarce. */
const scarcities = [0.25, 0.5, 1, 2, 4];

/**
 * Nodes within a millisecond or two: exact where there are few replicas, greedy where there are many. Where the
 * cheapest nodes exceed a limit, cards are made dearer step by step, and the cheapest nodes that keep all limits are
 * taken. Undefined where none are found that do.
 */
export function quickCover(problem: CoverProblem): QuickCover | undefined {
  const cheapest = coverByZone(problem, usdPerHour, "exact");
  if (problem.limits.length === 0) return cheapest;
  if (cheapest && isWithin(problem.limits, cheapest.patterns)) return cheapest;

  let best: readonly NodePattern[] | undefined;
  const offer = (cover: QuickCover | undefined): boolean => {
    if (!cover || !isWithin(problem.limits, cover.patterns)) return false;
    if (!best || usdPerHourOf(cover.patterns) < usdPerHourOf(best) - equalUsdPerHour) best = cover.patterns;
    return true;
  };
  offer(coverByZone(problem, usdPerHour, "greedy"));
  // Where even the nodes with the fewest cards have too many, no other weight of cards helps.
  if (offer(coverByZone(problem, cardsFirst, "exact"))) {
    const usdPerCard = Math.min(
      ...problem.nodeTypes.map((node) => node.usdPerHour / node.instanceType.gpuCount),
    );
    for (const scarcity of scarcities) {
      const price: NodePrice = (node) => node.usdPerHour + scarcity * usdPerCard * node.instanceType.gpuCount;
      // Dearer cards only make the nodes dearer from the first on that keep the limits.
      if (offer(coverByZone(problem, price, "exact"))) break;
    }
  }
  return best && { patterns: best, isCheapest: false };
}

/** Zone by zone, because no node stands in two: each takes what the ones before left of the limits. */
function coverByZone(
  problem: CoverProblem,
  price: NodePrice,
  method: "exact" | "greedy",
): QuickCover | undefined {
  const { classes, nodeTypes, limits } = problem;
  const patterns: NodePattern[] = [];
  let isCheapest = true;
  for (const [zone, members] of Map.groupBy(classes.keys(), (index) => certain(classes[index]).zone)) {
    const part: CoverProblem = {
      classes: members.map((index): ReplicaClass => certain(classes[index])),
      nodeTypes: nodeTypes.filter((node) => zone === undefined || node.zone === zone),
      limits: limits.map(({ most, countOf }) => ({
        most: patterns.reduce((rest, { node, nodeCount }) => rest - nodeCount * countOf(node), most),
        countOf,
      })),
    };
    const exact = method === "exact" ? exactCover(part, price) : undefined;
    const cover = exact ?? greedyCover(part, price);
    if (!cover) return undefined;
    isCheapest &&= exact !== undefined;
    for (const { node, contents, nodeCount } of cover) {
      const all = classes.map(() => 0);
      for (const [at, index] of members.entries()) all[index] = certain(contents[at]);
      patterns.push({ node, contents: all, nodeCount });
    }
  }
  return { patterns, isCheapest };
}
