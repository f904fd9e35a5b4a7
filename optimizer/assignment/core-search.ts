import { certain } from "../certain.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { buildCoreModel } from "./core-model.ts";
import { excessCosts } from "./excess-costs.ts";
import type { ExcessCosts } from "./excess-costs.ts";
import type { Incumbent } from "./incumbent.ts";
import type { MipSolver } from "./mip.ts";
import type { Prices } from "./prices.ts";
import { chosenFrom, costOf, countsOf } from "./stage-counts.ts";
import type { StageCounts } from "./stage-counts.ts";
import type { Stage } from "./stage.ts";

/** Choices besides the cheapest that are open in the first core; each further one has this many times more. */
const firstCoreChoices = 150;
const coreGrowth = 4;

/** Nodes for a core that only looks for better answers; the one that proves has no limit. */
const nodesOfSmallCore = 500;

/** Counts are whole: a bound less than this away from one proves it. */
const countRounding = 1e-6;

/** Share of the values' magnitudes that a better answer saves at least; below it is rounding. */
const valueRounding = 1e-10;

/**
 * Proves the incumbent for the stage or finds a better one. Any better answer makes only choices whose excess is below
 * what the incumbent costs more than the bound; so it is enough to search those, and a few of the least excess mostly
 * hold the best one already, which then leaves still less to search for the proof.
 *
 * @returns the cost that no answer to the stage is below.
 */
export function searchCores(
  problem: CompiledProblem,
  stage: Stage,
  prices: Prices,
  incumbent: Incumbent,
  solve: MipSolver,
  secondsLeft: () => number,
): number {
  const excess = excessCosts(stage, prices.price);
  const sorted = sortedExcesses(excess);
  for (let choices = firstCoreChoices; ; choices *= coreGrowth) {
    const counts = countsOf(problem, stage, incumbent.chosen);
    const cost = costOf(stage, counts);
    const rounding = magnitudeOf(stage, counts) * valueRounding;
    // Costs that are not below this are no better.
    const enough = stage.isCount ? cost - 1 + countRounding : cost - rounding;
    const needed = enough - prices.bound;
    if (needed < 0 || secondsLeft() <= 0) return needed < 0 ? cost : prices.bound;
    const isProof = choices > sorted.length || certain(sorted[choices - 1]) >= needed;
    const allowance = isProof ? needed : certain(sorted[choices - 1]);
    const core = buildCoreModel(stage, excess, allowance);
    const outcome = solve(
      core.mip,
      {
        seconds: secondsLeft(),
        absoluteGap: stage.isCount ? 1 - countRounding : rounding,
        ...(isProof ? {} : { nodes: nodesOfSmallCore }),
      },
      core.toSolution(counts),
      (solution) => incumbent.offer(chosenFrom(problem, stage, core.toCounts(solution))),
    );
    if (outcome.solution) incumbent.offer(chosenFrom(problem, stage, core.toCounts(outcome.solution)));
    if (!isProof) continue;
    const least = Math.min(Math.max(outcome.bound + core.fixedCost, prices.bound), cost);
    return stage.isCount ? Math.ceil(least - countRounding) : least;
  }
}

/** What the costs add up to without their signs, since those of changes may cancel out. */
function magnitudeOf(stage: Stage, counts: StageCounts): number {
  let magnitude = 0;
  for (const [column, count] of counts.entries()) {
    magnitude += count * Math.abs(certain(stage.cost[column]));
  }
  return magnitude;
}

/** The excesses of the choices that are dearer than the cheapest, least first. */
function sortedExcesses(excess: ExcessCosts): Float64Array {
  const all = [...excess.column, ...excess.none];
  return Float64Array.from(all.filter((one) => one > 0 && one < Number.POSITIVE_INFINITY)).sort();
}
