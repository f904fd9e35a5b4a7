import { certain } from "../certain.ts";
import { isWithin, usdPerHourOf } from "./cover-problem.ts";
import type { CoverProblem } from "./cover-problem.ts";
import { dive } from "./dive.ts";
import { PatternRelaxation } from "./pattern-relaxation.ts";
import type { NodeCondition, Relaxation, Worths } from "./pattern-relaxation.ts";
import type { NodePattern } from "./replica-class.ts";

/** Nodes and the proof of how good they are. */
export interface ProvenCover {
  /** Absent where none were found; then `lowerBoundUsdPerHour` tells nothing. */
  readonly patterns?: readonly NodePattern[];
  /** No nodes that hold the replicas within the limits cost less. */
  readonly lowerBoundUsdPerHour: number;
}

/** Steps of arithmetic that may be spent; 100 million take a quarter or half of a second. */
export interface WorkLimits {
  /** After so many the best answer so far is given. */
  readonly most: number;
  /** On the bound of the whole, which must leave time for an answer. */
  readonly mostForBound: number;
}

/** What is known before the search. */
export interface Known {
  /** An answer: what is given is never dearer. */
  readonly patterns?: readonly NodePattern[] | undefined;
  readonly lowerBoundUsdPerHour?: number;
  /** Worths that prove much. */
  readonly worths?: Worths;
}

/** A part of all answers: those that keep these conditions. */
interface Branch {
  readonly conditions: readonly NodeCondition[];
  readonly relaxation: Relaxation;
}

/** From here on a bound is as good as the answer's cost: the rest is rounding. */
const closed = (ceiling: number) => ceiling * (1 - 1e-7);

const nearInteger = 1e-6;

/** Branches of which each is dived from; after them every so many. */
const eachDived = 16;

/**
 * The cheapest nodes by branch and price: the relaxation's bound, made tighter by cases on how many nodes of each
 * type there are and then on how many replicas of each class stand on each type; its answers made whole by diving.
 */
export function branchAndPrice(problem: CoverProblem, known: Known, work: WorkLimits): ProvenCover {
  const { classes, nodeTypes } = problem;
  const limits = limitConditions(problem);
  const demand = Float64Array.from(classes, ({ replicas }) => replicas);
  const relaxation = new PatternRelaxation(classes, nodeTypes);
  let best = known.patterns && isWithin(problem.limits, known.patterns) ? known.patterns : undefined;
  let ceiling = best ? usdPerHourOf(best) : ceilingOf(problem);
  for (const { node, contents } of best ?? []) {
    relaxation.addPattern({
      type: nodeTypes.indexOf(node),
      classes: [...contents.keys()].filter((index) => certain(contents[index]) > 0),
      counts: contents.filter((count) => count > 0),
    });
  }

  const open: Branch[] = [];
  let visited = 0;
  const visit = (conditions: readonly NodeCondition[], atLeast: number) => {
    const solved = relaxation.solve(
      demand,
      conditions,
      ceiling,
      conditions === limits ? work.mostForBound : work.most,
      conditions === limits ? known.worths : undefined,
    );
    const relaxed = { ...solved, bound: Math.max(solved.bound, atLeast) };
    if (relaxed.bound >= closed(ceiling)) return;
    open.push({ conditions, relaxation: relaxed });
    if (++visited > eachDived && visited % eachDived !== 0) return;
    const whole = dive(problem, relaxation, relaxed, limits, ceiling, work.most);
    if (!whole) return;
    best = whole;
    ceiling = usdPerHourOf(whole);
  };
  visit(limits, known.lowerBoundUsdPerHour ?? 0);
  let unresolved = Number.POSITIVE_INFINITY;
  while (relaxation.work < work.most) {
    const branch = takeLowest(open, ceiling);
    if (!branch) break;
    const cases = casesOf(branch, problem);
    if (cases.length === 0) unresolved = Math.min(unresolved, branch.relaxation.bound);
    for (const one of cases) visit([...branch.conditions, one], branch.relaxation.bound);
  }
  const lowerBound = open.reduce(
    (least, one) => Math.min(least, one.relaxation.bound),
    Math.min(ceiling, unresolved),
  );
  const isClosed = lowerBound >= closed(ceiling);
  return { ...(best ? { patterns: best } : {}), lowerBoundUsdPerHour: isClosed ? ceiling : lowerBound };
}

/** The limits as conditions on the nodes. */
export function limitConditions({ nodeTypes, limits }: CoverProblem): readonly NodeCondition[] {
  return limits.map(({ most, countOf }) => ({
    weights: Float64Array.from(nodeTypes, (node) => -countOf(node)),
    required: -most,
  }));
}

/** Dearer than any answer worth giving: none needs more nodes than replicas. */
export function ceilingOf({ classes, nodeTypes }: CoverProblem): number {
  const nodeCount = classes.reduce((sum, { replicas }) => sum + replicas, 1);
  return nodeCount * Math.max(...nodeTypes.map(({ usdPerHour }) => usdPerHour));
}

/** Removes the branch of the lowest bound, and those that cannot hold anything cheaper than the ceiling. */
function takeLowest(open: Branch[], ceiling: number): Branch | undefined {
  const kept = open.filter(({ relaxation }) => relaxation.bound < closed(ceiling));
  open.length = 0;
  open.push(...kept);
  let lowest = 0;
  for (const [at, { relaxation }] of open.entries()) {
    if (relaxation.bound < certain(open[lowest]).relaxation.bound) lowest = at;
  }
  return open.splice(lowest, 1)[0];
}

/** Two conditions of which every whole answer keeps one and the relaxation's answer neither; none if it is whole. */
function casesOf({ relaxation }: Branch, { nodeTypes, classes }: CoverProblem): readonly NodeCondition[] {
  const nodes = new Float64Array(nodeTypes.length);
  for (const { pattern, nodes: amount } of relaxation.taken)
    nodes[pattern.type] = certain(nodes[pattern.type]) + amount;
  const type = mostFractional(nodes);
  if (type !== undefined) return casesAround(certain(nodes[type]), type, nodeTypes.length);
  const replicas = new Float64Array(nodeTypes.length * classes.length);
  for (const { pattern, nodes: amount } of relaxation.taken) {
    for (const [at, index] of pattern.classes.entries()) {
      const cell = pattern.type * classes.length + index;
      replicas[cell] = certain(replicas[cell]) + amount * certain(pattern.counts[at]);
    }
  }
  const cell = mostFractional(replicas);
  if (cell === undefined) return [];
  return casesAround(
    certain(replicas[cell]),
    Math.floor(cell / classes.length),
    nodeTypes.length,
    cell % classes.length,
  );
}

function mostFractional(amounts: Float64Array): number | undefined {
  let chosen: number | undefined;
  let furthest = nearInteger;
  for (const [at, amount] of amounts.entries()) {
    const distance = Math.abs(amount - Math.round(amount));
    if (distance <= furthest + 1e-9) continue;
    chosen = at;
    furthest = distance;
  }
  return chosen;
}

function casesAround(
  amount: number,
  type: number,
  typeCount: number,
  ofClass?: number,
): readonly NodeCondition[] {
  const condition = (weight: number, required: number): NodeCondition => ({
    weights: new Float64Array(typeCount).fill(weight, type, type + 1),
    required,
    ...(ofClass === undefined ? {} : { ofClass }),
  });
  return [condition(-1, -Math.floor(amount)), condition(1, Math.ceil(amount))];
}
