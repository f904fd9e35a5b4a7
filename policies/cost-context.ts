import type { PlatformPlan } from "../platform/plan/platform-plan.ts";
import type { PolicyContext } from "./policy.ts";

/** Budget and prices as the plan has them: those of its own catalog, and of accelerators that only the spec knows. */
export function contextOfPlan(plan: PlatformPlan): PolicyContext {
  const prices = new Map(
    plan.nodePools
      .filter(({ desiredNodes }) => desiredNodes > 0)
      .map(({ instanceType, usdPerHour, desiredNodes }) => [instanceType, usdPerHour / desiredNodes]),
  );
  return {
    ...(plan.budgetUsdPerHour === undefined ? {} : { budgetUsdPerHour: plan.budgetUsdPerHour }),
    usdPerHourOf: (instanceType) => prices.get(instanceType),
  };
}
