import { isUnknown, numberAt, textAt, textsAt, valueAt } from "./known-values.ts";
import type { PolicyContext, PolicyResource, StackPolicy, Violation } from "./policy.ts";

/** Tag of a node group that carries the platform's budget to a pack that has no configuration of its own. */
export const budgetTag = "domino-inference/budget-usd-per-hour";

const nodeGroupType = "aws:eks/nodeGroup:NodeGroup";

/** Sums of prices are exact to the cent only. */
const toleranceUsdPerHour = 0.005;

/** GPU nodes are the cost of a platform, and a changed rate or target can double them unseen. */
export const costWithinBudget: StackPolicy = {
  name: "cost-within-budget",
  description: "The nodes that the stack asks for cost no more an hour, at list price, than the budget.",
  level: "mandatory",
  configSchema: {
    properties: {
      budgetUsdPerHour: { type: "number", minimum: 0, description: "Most that the nodes may cost an hour." },
      catalog: { type: "string", description: "Catalog whose prices count. Default: the newest." },
      usdPerHour: {
        type: "object",
        additionalProperties: { type: "number" },
        description: "Prices of instance types that the catalog does not have.",
      },
    },
  },
  checkStack(resources, context) {
    const nodeGroups = resources.filter(({ type }) => type === nodeGroupType);
    const budget = context.budgetUsdPerHour ?? budgetOfTags(nodeGroups);
    if (budget === undefined) return [];
    const priced = nodeGroups.map((nodeGroup) => priceOf(nodeGroup, context));
    const total = priced.reduce((sum, { usdPerHour }) => sum + usdPerHour, 0);
    const violations = priced.flatMap(({ violation }) => (violation ? [violation] : []));
    const largest = priced.toSorted((left, right) => right.usdPerHour - left.usdPerHour)[0];
    if (largest && total > budget + toleranceUsdPerHour) {
      violations.push({
        urn: largest.urn,
        message:
          `the nodes cost ${total.toFixed(2)} USD/h, the budget is ${budget.toFixed(2)} USD/h; ` +
          `"${largest.name}" is the largest part with ${largest.usdPerHour.toFixed(2)} USD/h`,
      });
    }
    return violations;
  },
};

/** Where node groups disagree, the least counts: none of them may be outvoted by another. */
function budgetOfTags(nodeGroups: readonly PolicyResource[]): number | undefined {
  const budgets = nodeGroups
    .map(({ props }) => Number.parseFloat(textAt(props, "tags", budgetTag) ?? ""))
    .filter((budget) => Number.isFinite(budget));
  return budgets.length > 0 ? Math.min(...budgets) : undefined;
}

interface PricedNodeGroup {
  readonly urn: string;
  readonly name: string;
  readonly usdPerHour: number;
  readonly violation?: Violation;
}

function priceOf({ urn, name, props }: PolicyResource, context: PolicyContext): PricedNodeGroup {
  const nodes = numberAt(props, "scalingConfig", "desiredSize");
  const instanceTypes = valueAt(props, "instanceTypes");
  const free = { urn, name, usdPerHour: 0 };
  if (nodes === undefined || nodes === 0 || isUnknown(instanceTypes)) return free;
  const prices = textsAt(instanceTypes).map((type) => ({ type, usd: context.usdPerHourOf(type) }));
  const unpriced = prices.filter(({ usd }) => usd === undefined).map(({ type }) => type);
  if (unpriced.length > 0) {
    const message =
      `no price is known for ${unpriced.join(", ")}, so the budget cannot be checked; ` +
      "give it under usdPerHour in the policy's configuration";
    return { ...free, violation: { urn, message } };
  }
  // EKS may take any of the types: the dearest is what has to fit.
  return { urn, name, usdPerHour: nodes * Math.max(0, ...prices.map(({ usd }) => usd ?? 0)) };
}
