import { isUnknown, listAt, textAt, textsAt, valueAt } from "./known-values.ts";
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
  const free = { urn, name, usdPerHour: 0 };
  // What costs nothing because it cannot be priced would let every budget pass.
  const unpriced = (reason: string, remedy: string): PricedNodeGroup => ({
    ...free,
    violation: {
      urn,
      message: `node group "${name}" cannot be priced: ${reason}, so the budget cannot be checked; ${remedy}`,
    },
  });
  const size = valueAt(props, "scalingConfig", "desiredSize");
  if (isUnknown(size) || size === 0) return free;
  if (typeof size !== "number") {
    return unpriced("it has no desiredSize", "give it under scalingConfig");
  }
  const given = valueAt(props, "instanceTypes");
  if (isUnknown(given)) return free;
  const types = textsAt(given);
  if (types.length === 0) {
    if (listAt(given).some(isUnknown)) return free;
    return unpriced("it has no instanceTypes", "list them in the node group, not in its launch template");
  }
  const prices = types.map((type) => ({ type, usd: context.usdPerHourOf(type) }));
  const unlisted = prices.filter(({ usd }) => usd === undefined).map(({ type }) => type);
  if (unlisted.length > 0) {
    return unpriced(
      `no price is known for ${unlisted.join(", ")}`,
      "give it under usdPerHour in the policy's configuration",
    );
  }
  // EKS may take any of the types: the dearest is what has to fit.
  return { urn, name, usdPerHour: size * Math.max(...prices.map(({ usd }) => usd ?? 0)) };
}
