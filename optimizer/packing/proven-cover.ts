import { branchAndPrice, ceilingOf, limitConditions } from "./branch-and-price.ts";
import type { Known, ProvenCover, WorkLimits } from "./branch-and-price.ts";
import { isWithin, trimmed, usdPerHourOf } from "./cover-problem.ts";
import type { CoverProblem } from "./cover-problem.ts";
import { mergedClasses, mergingOf, unmerged } from "./merged-classes.ts";
import type { Merging } from "./merged-classes.ts";
import { PatternRelaxation } from "./pattern-relaxation.ts";
import { replicasOn } from "./replica-class.ts";
import type { NodePattern } from "./replica-class.ts";

/** What a search may spend in all: half a second to a second. */
const wholeWork: WorkLimits = { most: 200_000_000, mostForBound: 120_000_000 };

/** Above so many classes, alike ones are packed as one first: the linear programme grows with their square. */
const mostClasses = 150;

/** Shares of the work: for merged classes from above, from below, and what is left for the classes themselves. */
const harderWork: WorkLimits = { most: 50_000_000, mostForBound: 25_000_000 };
const easierWork = 50_000_000;
const ownWork: WorkLimits = { most: 100_000_000, mostForBound: 60_000_000 };

/**
 * The cheapest nodes that are found, and the proof of how good they are. Fleets of very many different replicas are
 * packed with alike ones merged first: as hard as the hardest of them for an answer, as easy as the easiest for a
 * bound and for worths to start from.
 *
 * @param known an answer at hand: what is given is never dearer.
 */
export function provenCover(problem: CoverProblem, known: readonly NodePattern[] | undefined): ProvenCover {
  if (problem.classes.length <= mostClasses) return branchAndPrice(problem, { patterns: known }, wholeWork);
  const merging = mergingOf(problem.classes, Math.floor(mostClasses / 2));
  const patterns = cheaper(problem, known, packedHarder(problem, merging));
  const ceiling = patterns ? usdPerHourOf(patterns) : ceilingOf(problem);
  return branchAndPrice(problem, { patterns, ...relaxedEasier(problem, merging, ceiling) }, ownWork);
}

function packedHarder(problem: CoverProblem, merging: Merging): readonly NodePattern[] | undefined {
  const harder = { ...problem, classes: mergedClasses(problem.classes, merging, "most") };
  if (harder.classes.some((one) => problem.nodeTypes.every((node) => replicasOn(node, one) === 0))) {
    return undefined;
  }
  const { patterns } = branchAndPrice(harder, {}, harderWork);
  return patterns && trimmed(problem, unmerged(patterns, problem.classes, merging));
}

function cheaper(
  { limits }: CoverProblem,
  known: readonly NodePattern[] | undefined,
  found: readonly NodePattern[] | undefined,
): readonly NodePattern[] | undefined {
  if (!found || !isWithin(limits, found)) return known;
  return known && usdPerHourOf(known) <= usdPerHourOf(found) ? known : found;
}

/** What fits with the members of a group also fits with the least of each, so that the merged worths prove as much. */
function relaxedEasier(problem: CoverProblem, merging: Merging, ceiling: number): Known {
  const classes = mergedClasses(problem.classes, merging, "least");
  const demand = Float64Array.from(classes, ({ replicas }) => replicas);
  const relaxation = new PatternRelaxation(classes, problem.nodeTypes);
  const { bound, worths } = relaxation.solve(demand, limitConditions(problem), ceiling, easierWork);
  const ofClasses = new Float64Array(problem.classes.length);
  for (const [at, members] of merging.entries()) {
    for (const index of members) ofClasses[index] = worths.ofClasses[at] ?? 0;
  }
  return { lowerBoundUsdPerHour: bound, worths: { ofClasses, ofConditions: worths.ofConditions } };
}
