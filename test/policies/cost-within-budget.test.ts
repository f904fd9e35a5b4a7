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

/** A node group that is to have nodes, with nothing said about their type unless given. */
function untyped(props: Record<string, unknown>) {
  return resource("aws:eks/nodeGroup:NodeGroup", { scalingConfig: { desiredSize: 3 }, ...props }, "untyped");
}

test.each([
  ["without instance types", {}],
  ["with an empty list of instance types", { instanceTypes: [] }],
  ["whose launch template has the instance type", { launchTemplate: { id: "lt-1" } }],
])("says that a node group %s cannot be priced where a budget is set", (_, props) => {
  const group = untyped(props);
  expect(costWithinBudget.checkStack([small, group], { budgetUsdPerHour: 5, usdPerHourOf })).toEqual([
    {
      urn: group.urn,
      message:
        'node group "untyped" cannot be priced: it has no instanceTypes, so the budget cannot be checked; ' +
        "list them in the node group, not in its launch template",
    },
  ]);
  expect(costWithinBudget.checkStack([group], { usdPerHourOf })).toEqual([]);
});

test("says that a node group without a size cannot be priced", () => {
  for (const scalingConfig of [undefined, {}, { desiredSize: "3" }]) {
    const group = resource("aws:eks/nodeGroup:NodeGroup", { instanceTypes: ["g5.xlarge"], scalingConfig });
    expect(costWithinBudget.checkStack([group], { budgetUsdPerHour: 5, usdPerHourOf })).toEqual([
      { urn: group.urn, message: expect.stringContaining("it has no desiredSize") },
    ]);
  }
});

test("a node group without nodes needs no price", () => {
  const group = untyped({ scalingConfig: { desiredSize: 0 } });
  expect(costWithinBudget.checkStack([group], { budgetUsdPerHour: 5, usdPerHourOf })).toEqual([]);
});

test("reports both what cannot be priced and that the rest alone is over the budget", () => {
  const found = costWithinBudget.checkStack([large, untyped({})], { budgetUsdPerHour: 5, usdPerHourOf });
  expect(found.map(({ message }) => message)).toEqual([
    expect.stringContaining("it has no instanceTypes"),
    expect.stringContaining("the nodes cost 100.00 USD/h"),
  ]);
});

test.each([
  ["instance types that are", { instanceTypes: unknown }],
  ["an instance type that is", { instanceTypes: [unknown] }],
  ["a scaling configuration that is", { scalingConfig: unknown }],
])("does not judge %s not known yet", (_, props) => {
  expect(costWithinBudget.checkStack([untyped(props)], { budgetUsdPerHour: 1, usdPerHourOf })).toEqual([]);
});

test("a pack says which instance type its catalog does not know", () => {
  const group = nodeGroup("custom", "x1.custom", 1);
  expect(costWithinBudget.checkStack([group], contextOfConfig({ budgetUsdPerHour: 5 }))).toEqual([
    { urn: group.urn, message: expect.stringContaining("no price is known for x1.custom") },
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
  expect(contextOfConfig({}).usdPerHourOf("m7i.xlarge")).toBe(0.2016);
  const listed = contextOfConfig({}).usdPerHourOf("g5.xlarge");
  expect(listed).toBeGreaterThan(0);
  expect(contextOfConfig({}).budgetUsdPerHour).toBeUndefined();
  expect(contextOfConfig({ usdPerHour: { "g5.xlarge": 0.5 } }).usdPerHourOf("g5.xlarge")).toBe(0.5);
  expect(contextOfConfig({ catalog: "1999-01" }).usdPerHourOf("g5.xlarge")).toBeUndefined();
});
