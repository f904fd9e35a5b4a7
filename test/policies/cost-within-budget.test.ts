import { expect, test } from "vitest";
import { contextOfPlan } from "../../policies/cost-context.ts";
import { costWithinBudget } from "../../policies/cost-within-budget.ts";
import { contextOfConfig } from "../../policies/pack/config-context.ts";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { resource, unknown } from "./resource.ts";

const prices = new Map([
  ["g5.xlarge", 1],
  ["p5.48xlarge", 50],
]);
const usdPerHourOf = (type: string) => prices.get(type);

function nodeGroup(
  name: string,
  instanceType: string,
  desiredSize: unknown,
  tags: Record<string, string> = {},
) {
  const props = {
    instanceTypes: [instanceType],
    scalingConfig: { desiredSize, minSize: 0, maxSize: 9 },
    tags,
  };
  return resource("aws:eks/nodeGroup:NodeGroup", props, name);
}

const small = nodeGroup("small", "g5.xlarge", 4);
const large = nodeGroup("large", "p5.48xlarge", 2);

test("accepts nodes that cost exactly the budget", () => {
  expect(costWithinBudget.checkStack([small, large], { budgetUsdPerHour: 104, usdPerHourOf })).toEqual([]);
});

test("names sum, budget and the largest part where the nodes cost more", () => {
  expect(costWithinBudget.checkStack([small, large], { budgetUsdPerHour: 103.9, usdPerHourOf })).toEqual([
    {
      urn: large.urn,
      message:
        'the nodes cost 104.00 USD/h, the budget is 103.90 USD/h; "large" is the largest part with 100.00 USD/h',
    },
  ]);
});

test("has nothing to compare with where nobody set a budget", () => {
  expect(costWithinBudget.checkStack([small, large], { usdPerHourOf })).toEqual([]);
});

test("takes the least budget of the node groups' tags where the context has none", () => {
  const tagged = (budget: string) =>
    nodeGroup("tagged", "g5.xlarge", 4, { "domino-inference/budget-usd-per-hour": budget });
  expect(costWithinBudget.checkStack([tagged("4"), tagged("8")], { usdPerHourOf })).toHaveLength(1);
  expect(costWithinBudget.checkStack([tagged("8")], { usdPerHourOf })).toEqual([]);
  expect(
    costWithinBudget.checkStack([tagged("4"), tagged("4")], { budgetUsdPerHour: 8, usdPerHourOf }),
  ).toEqual([]);
});

test("says that the budget cannot be checked where a price is not known", () => {
  expect(
    costWithinBudget.checkStack([nodeGroup("custom", "x1.custom", 1)], { budgetUsdPerHour: 5, usdPerHourOf }),
  ).toEqual([
    expect.objectContaining({ message: expect.stringContaining("no price is known for x1.custom") }),
  ]);
});

test("does not judge a size that is not known yet", () => {
  expect(
    costWithinBudget.checkStack([nodeGroup("later", "p5.48xlarge", unknown)], {
      budgetUsdPerHour: 1,
      usdPerHourOf,
    }),
  ).toEqual([]);
});

test("a plan gives its own budget and prices", () => {
  const pools = [
    { instanceType: "g5.xlarge", desiredNodes: 4, usdPerHour: 4.4 },
    { instanceType: "unused", desiredNodes: 0, usdPerHour: 0 },
  ];
  const context = contextOfPlan({ nodePools: pools, budgetUsdPerHour: 7 } as unknown as PlatformPlan);
  expect(context.budgetUsdPerHour).toBe(7);
  expect(context.usdPerHourOf("g5.xlarge")).toBeCloseTo(1.1);
  expect(context.usdPerHourOf("unused")).toBeUndefined();
});

test("a pack takes prices from the catalog, and from its configuration before it", () => {
  const listed = contextOfConfig({}).usdPerHourOf("g5.xlarge");
  expect(listed).toBeGreaterThan(0);
  expect(contextOfConfig({}).budgetUsdPerHour).toBeUndefined();
  expect(contextOfConfig({ usdPerHour: { "g5.xlarge": 0.5 } }).usdPerHourOf("g5.xlarge")).toBe(0.5);
  expect(contextOfConfig({ catalog: "1999-01" }).usdPerHourOf("g5.xlarge")).toBeUndefined();
});
