import { certain } from "../certain.ts";
import { equalUsdPerHour, isWithin, trimmed, usdPerHourOf } from "./cover-problem.ts";
import type { CoverProblem } from "./cover-problem.ts";
import { quickCover } from "./quick-cover.ts";
import type { QuickCover } from "./quick-cover.ts";
import type { NodePattern } from "./replica-class.ts";
import type { NodeCondition, Pattern, PatternRelaxation, Relaxation } from "./pattern-relaxation.ts";

/** What it takes to pack a class greedily from a pair of node types, in the units of a relaxation's work. */
const workForGreedy = 500;

/**
 * Whole nodes from parts of nodes: what the relaxation takes whole is bought, else one node of the pattern that it
 * takes most of; then the relaxation is solved for what remains. What remains is packed as it is, too, and the
 * cheapest of all these answers is given, if there is one below the ceiling.
 */
export function dive(
  problem: CoverProblem,
  relaxation: PatternRelaxation,
  start: Relaxation,
  limits: readonly NodeCondition[],
  ceiling: number,
  mostWork: number,
): readonly NodePattern[] | undefined {
  const left = Float64Array.from(problem.classes, ({ replicas }) => replicas);
  const room = limits.map(({ required }) => required);
  const bought: NodePattern[] = [];
  let spent = 0;
  let best: readonly NodePattern[] | undefined;
  let leastUsdPerHour = ceiling;
  const offer = (patterns: readonly NodePattern[]) => {
    const whole = trimmed(problem, patterns);
    const usdPerHour = usdPerHourOf(whole);
    if (usdPerHour >= leastUsdPerHour - equalUsdPerHour || !isWithin(problem.limits, whole)) return;
    best = whole;
    leastUsdPerHour = usdPerHour;
  };

  let taken = start.taken;
  while (taken.length > 0) {
    const whole = taken.filter(({ nodes }) => nodes >= 1 - 1e-6);
    const chosen = whole.length > 0 ? whole : mostTaken(taken, limits, room);
    if (chosen.length === 0) return best;
    for (const { pattern, nodes } of chosen) {
      const nodeCount = Math.max(1, Math.floor(nodes + 1e-6));
      bought.push(nodePattern(problem, pattern, nodeCount));
      spent += nodeCount * certain(problem.nodeTypes[pattern.type]).usdPerHour;
      for (const [at, index] of pattern.classes.entries()) {
        left[index] = Math.max(0, certain(left[index]) - nodeCount * certain(pattern.counts[at]));
      }
      for (const [at, { weights }] of limits.entries()) {
        room[at] = certain(room[at]) - nodeCount * certain(weights[pattern.type]);
      }
    }
    if (left.every((count) => count === 0)) {
      offer(bought);
      return best;
    }
    const rest = packedRest(problem, left, room);
    relaxation.countWork(workForGreedy * problem.classes.length * problem.nodeTypes.length ** 2);
    if (rest) offer([...bought, ...rest.patterns]);
    if (rest?.isCheapest) return best;
    const conditions = limits.map((limit, at) => ({ ...limit, required: certain(room[at]) }));
    if (spent >= leastUsdPerHour || relaxation.work > mostWork) return best;
    const next = relaxation.solve(left, conditions, leastUsdPerHour - spent, mostWork);
    taken = next.taken;
  }
  return best;
}

/** One node of the pattern that is taken most of, of those that the limits have room for. */
function mostTaken(
  taken: Relaxation["taken"],
  limits: readonly NodeCondition[],
  room: readonly number[],
): Relaxation["taken"] {
  const allowed = taken.filter(({ pattern }) =>
    limits.every(({ weights }, at) => certain(weights[pattern.type]) >= certain(room[at])),
  );
  const most = allowed.reduce((best, one) => Math.max(best, one.nodes), 0);
  return allowed.filter(({ nodes }) => nodes === most).slice(0, 1);
}

function nodePattern({ classes, nodeTypes }: CoverProblem, pattern: Pattern, nodeCount: number): NodePattern {
  const contents = classes.map(() => 0);
  for (const [at, index] of pattern.classes.entries()) contents[index] = certain(pattern.counts[at]);
  return { node: certain(nodeTypes[pattern.type]), contents, nodeCount };
}

/** What is left, packed within what is left of the limits. */
function packedRest(
  { classes, nodeTypes, limits }: CoverProblem,
  left: Float64Array,
  room: readonly number[],
): QuickCover | undefined {
  const remaining = [...left.keys()].filter((index) => certain(left[index]) > 0);
  const rest = quickCover({
    classes: remaining.map((index) => ({ ...certain(classes[index]), replicas: certain(left[index]) })),
    nodeTypes,
    // The conditions say that no less than minus the limit remains.
    limits: limits.map(({ countOf }, at) => ({ most: -certain(room[at]), countOf })),
  });
  return (
    rest && {
      isCheapest: rest.isCheapest,
      patterns: rest.patterns.map(({ node, contents, nodeCount }) => {
        const all = classes.map(() => 0);
        for (const [at, index] of remaining.entries()) all[index] = certain(contents[at]);
        return { node, contents: all, nodeCount };
      }),
    }
  );
}
