import { certain } from "../../optimizer/certain.ts";
import { planPlatform } from "../plan/plan.ts";
import type { PlatformPlan } from "../plan/platform-plan.ts";
import type { PlatformSpec } from "../spec/schema.ts";
import { chosenTraffic, type ChosenTraffic, type ServerChoice } from "./chosen-traffic.ts";
import { geometricMiddle } from "./factors.ts";
import { frontierPoint, withChanges, type LonePoint } from "./frontier-point.ts";
import type { Frontier, FrontierCurve, FrontierLimit } from "./frontier.ts";
import { scaleSpec, type Varied } from "./scale-spec.ts";

/** A limit is known to this ratio: finer than any load forecast or latency target. */
const limitRatio = 1.01;

export interface FrontierQuestion {
  /** One curve each, in this order. */
  readonly vary: readonly Varied[];
  /** Above 0; 1 is added where it is missing. Order and repetition do not matter. */
  readonly factors: readonly number[];
  /** @default every server */
  readonly choice?: ServerChoice;
}

/**
 * Plans the platform again and again with its load or its latency targets multiplied: what it would cost, on which
 * cards, and where servers begin to be left out. Pure and deterministic, as the plan is.
 *
 * @throws PlatformError PLAN_SERVER_UNKNOWN where the choice names no server
 * @throws RangeError where a factor is not above 0
 */
export function frontierOf(spec: PlatformSpec, question: FrontierQuestion): Frontier {
  const wrong = question.factors.find((factor) => !(factor > 0 && Number.isFinite(factor)));
  if (wrong !== undefined) throw new RangeError(`a factor must be above 0: ${wrong}`);
  const factors = [...new Set([...question.factors, 1])].toSorted((left, right) => left - right);
  const chosen = chosenTraffic(spec, question.choice ?? {});
  const base = planPlatform(spec);
  const plans: PlatformPlan[] = [base];
  const curves = question.vary.map((vary) => {
    const planner = memoised((factor) => {
      const plan = factor === 1 ? base : planPlatform(scaleSpec(spec, vary, factor, chosen.traffic));
      plans.push(plan);
      return frontierPoint(factor, plan);
    });
    return curveOf(vary, factors, chosen, planner);
  });
  const estimates = estimatesIn(plans);
  return {
    apiVersion: "domino-inference/v1",
    kind: "Frontier",
    platform: base.platform,
    stage: base.stage,
    catalog: base.catalog,
    ...(base.budgetUsdPerHour === undefined ? {} : { budgetUsdPerHour: base.budgetUsdPerHour }),
    fixedGroups: base.groups.filter((group) => group.replicasFrom === "spec").map((group) => group.name),
    ...(estimates ? { estimates } : {}),
    curves,
  };
}

type Planner = (factor: number) => LonePoint;

function memoised(plan: Planner): Planner {
  const known = new Map<number, LonePoint>();
  return (factor) => {
    const point = known.get(factor) ?? plan(factor);
    known.set(factor, point);
    return point;
  };
}

function curveOf(
  vary: Varied,
  factors: readonly number[],
  chosen: ChosenTraffic,
  planner: Planner,
): FrontierCurve {
  // More load and tighter targets are harder: a limit is looked for from the easy end.
  const byDifficulty = vary === "load" ? factors : factors.toReversed();
  const complete = (point: LonePoint) => point.serversPlaced === point.servers;
  const placed = limitOf(byDifficulty, planner, complete);
  const shown =
    placed.holds === "up-to"
      ? new Set([...factors, placed.lastFactor, placed.brokenFactor])
      : new Set(factors);
  const points = [...shown].toSorted((left, right) => left - right).map(planner);
  const hasBudget = points.some((point) => point.withinBudget !== undefined);
  return {
    vary,
    servers: vary === "load" ? chosen.servers : chosen.serversWithTargets,
    points: withChanges(points),
    placed,
    ...(hasBudget
      ? {
          withinBudget: limitOf(
            byDifficulty,
            planner,
            (point) => complete(point) && point.withinBudget === true,
          ),
        }
      : {}),
  };
}

/** Looks for the first factor that breaks the condition, then halves the way to the one before it. */
function limitOf(
  byDifficulty: readonly number[],
  planner: Planner,
  condition: (point: LonePoint) => boolean,
): FrontierLimit {
  const brokenIndex = byDifficulty.findIndex((factor) => !condition(planner(factor)));
  if (brokenIndex < 0) return { holds: "throughout" };
  if (brokenIndex === 0) return { holds: "nowhere" };
  let lastFactor = certain(byDifficulty[brokenIndex - 1]);
  let brokenFactor = certain(byDifficulty[brokenIndex]);
  while (Math.max(lastFactor, brokenFactor) / Math.min(lastFactor, brokenFactor) > limitRatio) {
    const middle = geometricMiddle(lastFactor, brokenFactor);
    if (condition(planner(middle))) lastFactor = middle;
    else brokenFactor = middle;
  }
  return { holds: "up-to", lastFactor, brokenFactor };
}

function estimatesIn(plans: readonly PlatformPlan[]): Frontier["estimates"] {
  const estimated = plans.flatMap((plan) =>
    plan.groups.flatMap((group) => group.models.filter((model) => model.origin.kind === "estimate")),
  );
  if (estimated.length === 0) return undefined;
  return {
    models: [...new Set(estimated.map((model) => model.name))].toSorted(),
    uncertaintyFraction: Math.max(...estimated.map((model) => model.origin.uncertaintyFraction)),
  };
}
