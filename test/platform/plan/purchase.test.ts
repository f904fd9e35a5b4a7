import { describe, expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { unplaceableProblems } from "../../../platform/plan/unplaceable.ts";
import { parsed, problemsOf, smallSpec } from "../../support/spec-fixture.ts";

/** Only the Triton engine, on L4s, with load for several replicas. */
const withNodes = (nodes: string) =>
  smallSpec
    .slice(0, smallSpec.indexOf("  - name: chat"))
    .replace("use: [L4, H100-80G]", "use: [L4]")
    .replace("serviceClasses:", `nodes: { provisioner: managed-node-groups, ${nodes} }\nserviceClasses:`)
    .replace("rate: 600/min", "rate: 300000/min");
const planWith = (nodes: string) => planPlatform(parsed(withNodes(nodes)));
const replicasOn = (plan: ReturnType<typeof planWith>, group: string, purchase: string | undefined) =>
  plan.nodePools
    .filter((pool) => pool.purchase === purchase)
    .flatMap(({ nodes }) => nodes.flatMap(({ replicas }) => replicas))
    .filter((one) => one.group === group)
    .reduce((sum, { count }) => sum + count, 0);

describe("the ways to buy nodes", () => {
  const onDemand = planWith("purchase: [on-demand]");
  const count = onDemand.groups.find(({ name }) => name === "tabular")?.replicas ?? 0;

  test("are on demand where nothing else is said", () => {
    expect(onDemand.nodePools.every(({ purchase }) => purchase === undefined)).toBe(true);
    expect(count).toBeGreaterThan(3);
  });

  test("are spot where that is cheaper, in pools of their own", () => {
    const plan = planWith("purchase: [on-demand, { kind: spot, priceFraction: 0.4 }]");
    expect(plan.totals.usdPerHour).toBeCloseTo(0.4 * onDemand.totals.usdPerHour, 6);
    for (const pool of plan.nodePools) {
      expect(pool.purchase).toBe("spot");
      expect(pool.name).toMatch(/-spot$/);
    }
    for (const group of plan.groups) {
      expect(group.nodePools.length).toBeGreaterThan(0);
      expect(group.nodePools.every((name) => name.endsWith("-spot"))).toBe(true);
    }
    expect(plan.karpenterPools.every(({ purchase }) => purchase === "spot")).toBe(true);
  });

  test("keep a share of each group off spot nodes", () => {
    const plan = planWith("purchase: [on-demand, { kind: spot, priceFraction: 0.4 }], mostSpotFraction: 0.5");
    expect(replicasOn(plan, "tabular", "spot")).toBeLessThanOrEqual(count / 2);
    expect(replicasOn(plan, "tabular", undefined)).toBeGreaterThanOrEqual(count / 2);
    expect(replicasOn(plan, "tabular", "spot") + replicasOn(plan, "tabular", undefined)).toBe(count);
  });

  test("take reserved nodes as far as there are any", () => {
    const plan = planWith(
      "purchase: [on-demand, { kind: reserved, priceFraction: 0.01, mostNodes: { g6.xlarge: 2 } }]",
    );
    const reserved = plan.nodePools.filter(({ purchase }) => purchase === "reserved");
    expect(reserved.map(({ instanceType, desiredNodes }) => [instanceType, desiredNodes])).toEqual([
      ["g6.xlarge", 2],
    ]);
    expect(plan.totals.usdPerHour).toBeLessThan(onDemand.totals.usdPerHour);
  });

  test("leave room for more replicas where the spec asks for it", () => {
    const plan = planWith("purchase: [on-demand], headroom: 0.25");
    const spare = plan.nodePools
      .flatMap(({ nodes }) => nodes.flatMap((node) => node.spare ?? []))
      .filter(({ group }) => group === "tabular")
      .reduce((sum, one) => sum + one.count, 0);
    expect(spare).toBe(Math.ceil(0.25 * count));
    expect(plan.groups.find(({ name }) => name === "tabular")?.replicas).toBe(count);
    expect(plan.totals.usdPerHour).toBeGreaterThan(onDemand.totals.usdPerHour);
  });

  test("split their cost over the groups with what is kept free for them", () => {
    const plan = planWith(
      "purchase: [on-demand, { kind: spot, priceFraction: 0.4 }], mostSpotFraction: 0.5, headroom: 1",
    );
    const sum = plan.groups.reduce((total, { usdPerHour }) => total + usdPerHour, 0);
    expect(sum).toBeCloseTo(plan.totals.usdPerHour, 6);
  });

  test("tell that the nodes do not suffice where no limit on cards is what binds", () => {
    const plan = planWith("purchase: [{ kind: reserved, priceFraction: 0.5, mostNodes: { g6.xlarge: 1 } }]");
    expect(plan.unplaced).toHaveLength(1);
    expect(unplaceableProblems(plan)[0]?.message).toContain("the nodes that may be bought do not suffice");
  });

  test("refuse an instance type that does not exist", () => {
    const nodes = "purchase: [{ kind: reserved, priceFraction: 0.5, mostNodes: { g6.xlrage: 1 } }]";
    expect(problemsOf(withNodes(nodes))).toMatchObject([
      { code: "SPEC_REFERENCE_UNKNOWN", message: expect.stringContaining("g6.xlarge") },
    ]);
  });

  test.each([
    ["a name without its price", "purchase: [spot]"],
    ["a price above the list's", "purchase: [{ kind: spot, priceFraction: 1.2 }]"],
    ["a price of nothing", "purchase: [{ kind: spot, priceFraction: 0 }]"],
    ["no way at all", "purchase: []"],
    ["more than all on spot nodes", "purchase: [on-demand], mostSpotFraction: 2"],
    ["negative headroom", "purchase: [on-demand], headroom: -1"],
  ])("refuse %s", (_, nodes) => {
    expect(problemsOf(withNodes(nodes)).map(({ code }) => code)).toEqual(["SPEC_TYPE_INVALID"]);
  });
});
