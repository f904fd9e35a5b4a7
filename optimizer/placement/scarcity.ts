import { certain } from "../certain.ts";
import type { OptimizeResult } from "../allocation.ts";
import type { OptimizeProblem } from "../problem.ts";
import { compareText } from "../text-order.ts";

/** What a few more cards of one kind would change. */
export interface Scarcity {
  readonly accelerator: string;
  /** Cards there are. */
  readonly limit: number;
  /** Cards added: as many as the smallest node brings. */
  readonly moreCards: number;
  /** Groups that would then be placed. */
  readonly placed: readonly string[];
  /** What the nodes would then cost less; negative where more is placed. */
  readonly savedUsdPerHour: number;
}

type Solution = Pick<OptimizeResult, "allocations" | "usdPerHour">;

/**
 * Places the groups again for each accelerator with a limit, with one small node more of it. Accelerators of which more
 * would change nothing are left out.
 *
 * @param place the answer for other limits than the problem's
 */
export function scarcities(
  { gpuLimits, instanceTypes }: Pick<OptimizeProblem, "gpuLimits" | "instanceTypes">,
  now: Solution,
  place: (gpuLimits: OptimizeProblem["gpuLimits"]) => Solution,
): readonly Scarcity[] {
  const limited = Object.keys(gpuLimits).toSorted(compareText);
  // Most limits are never met: one look without any of them tells.
  if (limited.length === 0 || changeOf(now, place({})) === undefined) return [];
  return limited.flatMap((accelerator): Scarcity[] => {
    const limit = certain(gpuLimits[accelerator]);
    const offered = instanceTypes.filter((type) => type.accelerator === accelerator);
    if (offered.length === 0) return [];
    const moreCards = Math.min(...offered.map(({ gpuCount }) => gpuCount));
    const change = changeOf(now, place({ ...gpuLimits, [accelerator]: limit + moreCards }));
    return change ? [{ accelerator, limit, moreCards, ...change }] : [];
  });
}

/** Savings below this are rounding. */
const noUsdPerHour = 1e-6;

function changeOf(now: Solution, then: Solution): Pick<Scarcity, "placed" | "savedUsdPerHour"> | undefined {
  const placedNow = new Set(now.allocations.map(({ group }) => group));
  const placed = then.allocations.map(({ group }) => group).filter((group) => !placedNow.has(group));
  const savedUsdPerHour = now.usdPerHour - then.usdPerHour;
  return placed.length > 0 || savedUsdPerHour > noUsdPerHour ? { placed, savedUsdPerHour } : undefined;
}
