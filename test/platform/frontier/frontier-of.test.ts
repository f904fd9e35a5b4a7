import { describe, expect, test } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import { geometricFactors } from "../../../platform/frontier/factors.ts";
import { frontierOf } from "../../../platform/frontier/frontier-of.ts";
import type { FrontierCurve, FrontierPoint } from "../../../platform/frontier/frontier.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformSpec } from "../../../platform/spec/schema.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const spec = parsed(smallSpec);
const factors = geometricFactors(0.25, 4, 9);

function curve(of: PlatformSpec, vary: "load" | "slo", at: readonly number[] = factors): FrontierCurve {
  return certain(frontierOf(of, { vary: [vary], factors: at }).curves[0]);
}

function at(points: readonly FrontierPoint[], factor: number): FrontierPoint {
  return certain(points.find((point) => point.factor === factor));
}

const costs = (points: readonly FrontierPoint[]) => points.map(({ usdPerHour }) => usdPerHour);

describe("the points of a curve", () => {
  test("factor 1 is the plan of the spec as written, also where nobody asked for it", () => {
    const plan = planPlatform(spec);
    for (const vary of ["load", "slo"] as const) {
      const base = at(curve(spec, vary, [0.5, 2]).points, 1);
      expect(base).toMatchObject({
        usdPerHour: plan.totals.usdPerHour,
        nodes: plan.totals.nodes,
        gpus: plan.totals.gpus,
        replicas: plan.totals.replicas,
        serversPlaced: plan.totals.serversPlaced,
      });
      expect(base.groups.map(({ name, accelerator, replicas }) => ({ name, accelerator, replicas }))).toEqual(
        plan.groups.map(({ name, accelerator, replicas }) => ({ name, accelerator, replicas })),
      );
    }
  });

  test("a factor of the load is the plan of a spec with that load", () => {
    const doubled = planPlatform(
      parsed(smallSpec.replace("600/min", "1200/min").replace("1/s", "2/s").replace("60/min", "120/min")),
    );
    expect(at(curve(spec, "load").points, 2).usdPerHour).toBe(doubled.totals.usdPerHour);
  });

  test("a factor of the targets is the plan of a spec with those targets", () => {
    const relaxed = planPlatform(
      parsed(
        smallSpec
          .replace("latencyP95: 50ms", "latencyP95: 100ms")
          .replace("ttftP95: 2s", "ttftP95: 4s")
          .replace("itlMean: 40ms", "itlMean: 80ms"),
      ),
    );
    expect(at(curve(spec, "slo").points, 2).usdPerHour).toBe(relaxed.totals.usdPerHour);
  });

  test("where nothing limits the cards, more load never costs less and everything is placed", () => {
    const { points, placed } = curve(spec, "load", geometricFactors(0.1, 10, 13));
    expect(costs(points)).toEqual(costs(points).toSorted((left, right) => left - right));
    expect(certain(points.at(-1)).usdPerHour).toBeGreaterThan(certain(points[0]).usdPerHour);
    expect(placed).toEqual({ holds: "throughout" });
  });

  test("while everything is placed, laxer targets never cost more", () => {
    const placed = curve(spec, "slo").points.filter((point) => point.serversPlaced === point.servers);
    expect(costs(placed)).toEqual(costs(placed).toSorted((left, right) => right - left));
  });

  test("the same question has the same answer, in whichever order factors are given", () => {
    const ask = (order: readonly number[]) =>
      JSON.stringify(frontierOf(spec, { vary: ["load", "slo"], factors: order }));
    expect(ask(factors.toReversed())).toBe(ask(factors));
    expect(ask([...factors, ...factors])).toBe(ask(factors));
  });

  test.each([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY]])("refuses the factor %d", (factor) => {
    expect(() => frontierOf(spec, { vary: ["load"], factors: [factor] })).toThrow(RangeError);
  });
});

describe("what changes from point to point", () => {
  test("each change leads from the shape at the point before to the shape at this point", () => {
    const { points } = curve(spec, "load", geometricFactors(0.1, 10, 13));
    let seen = 0;
    points.forEach((point, index) => {
      const before = points[index - 1];
      if (!before) return expect(point.changes).toEqual([]);
      for (const change of point.changes) {
        seen += 1;
        const from = before.groups.find(({ name }) => name === change.group);
        const to = point.groups.find(({ name }) => name === change.group);
        expect(from).toMatchObject(change.from ?? {});
        expect(to).toMatchObject(change.to ?? {});
        expect(change.from).not.toEqual(change.to);
      }
    });
    expect(seen).toBeGreaterThan(0);
  });

  test("another card, another count, and losing its place are told apart", () => {
    const limited = parsed(
      smallSpecWith("use: [L4, H100-80G]", "use: [L40S, H100-80G]\n  limits: { L40S: 8, H100-80G: 8 }"),
    );
    const kinds = curve(limited, "load", geometricFactors(0.1, 100, 41)).points.flatMap(
      ({ changes }) => changes,
    );
    for (const change of kinds) {
      const same =
        change.from?.accelerator === change.to?.accelerator &&
        change.from?.gpusPerReplica === change.to?.gpusPerReplica;
      const expected = !change.from ? "placed" : !change.to ? "unplaced" : same ? "replicas" : "shape";
      expect(change.kind).toBe(expected);
    }
    expect(new Set(kinds.map(({ kind }) => kind))).toContain("unplaced");
    expect(new Set(kinds.map(({ kind }) => kind))).toContain("shape");
  });
});

describe("where servers begin to be left out", () => {
  const tight = curve(spec, "slo", geometricFactors(0.01, 4, 17));

  test("the tightest targets that hold are found to 1 %, and both sides are points", () => {
    const { placed, points } = tight;
    if (placed.holds !== "up-to") throw new Error("no hundredth of a latency can hold");
    expect(placed.lastFactor / placed.brokenFactor).toBeGreaterThan(1);
    expect(placed.lastFactor / placed.brokenFactor).toBeLessThanOrEqual(1.01);
    expect(at(points, placed.lastFactor)).toMatchObject({ serversPlaced: 3, unplaced: [] });
    const broken = at(points, placed.brokenFactor);
    expect(broken.serversPlaced).toBeLessThan(3);
    expect(broken.unplaced[0]?.nearestMiss).toBeDefined();
  });

  test("what is left out and what is placed are all servers", () => {
    for (const point of tight.points) {
      const left = point.unplaced.flatMap(({ servers }) => servers);
      expect(left.length + point.serversPlaced).toBe(point.servers);
    }
  });

  test("a limit on cards ends the load that is carried", () => {
    const limited = parsed(
      smallSpecWith("use: [L4, H100-80G]", "use: [L4, H100-80G]\n  limits: { H100-80G: 8, L4: 2 }"),
    );
    const { placed } = curve(limited, "load", geometricFactors(0.01, 100, 9));
    if (placed.holds !== "up-to") throw new Error("a hundred times the load needs more than 8 cards");
    expect(placed.brokenFactor / placed.lastFactor).toBeLessThanOrEqual(1.01);
  });

  test("a server that fits nowhere is left out at every factor of the load", () => {
    const impossible = parsed(smallSpecWith("ttftP95: 2s", "ttftP95: 1ms"));
    const { placed, points } = curve(impossible, "load");
    expect(placed).toEqual({ holds: "nowhere" });
    for (const point of points)
      expect(point.unplaced.flatMap(({ servers }) => servers)).toContain("chat/llama-3-70b/1/Premium");
  });
});

describe("the budget", () => {
  const budget = planPlatform(spec).totals.usdPerHour * 1.2;
  const withBudget = { ...spec, budget };

  test("is where the curve says, and every point says whether it is within", () => {
    const { points, withinBudget } = curve(withBudget, "load", geometricFactors(0.25, 100, 9));
    if (withinBudget?.holds !== "up-to")
      throw new Error("a hundred times the load costs more than 1.2 times as much");
    for (const point of points) {
      expect(point.withinBudget).toBe(point.usdPerHour <= budget);
      expect(point.withinBudget).toBe(point.factor <= withinBudget.lastFactor);
    }
  });

  test("is not kept by leaving servers out", () => {
    const { placed, withinBudget } = curve(
      { ...spec, budget: 1_000_000 },
      "slo",
      geometricFactors(0.01, 4, 9),
    );
    expect(withinBudget).toEqual(placed);
    expect(placed.holds).toBe("up-to");
  });

  test("is absent where the spec has none", () => {
    const answer = frontierOf(spec, { vary: ["load"], factors });
    expect(answer).not.toHaveProperty("budgetUsdPerHour");
    expect(answer.curves[0]).not.toHaveProperty("withinBudget");
    expect(answer.curves[0]?.points[0]).not.toHaveProperty("withinBudget");
  });
});

describe("who is varied", () => {
  test("only the chosen servers move; a model that is not chosen stays as planned", () => {
    const choice = { model: "llama-3-70b" };
    const [only] = frontierOf(spec, { vary: ["load"], factors: [64], choice }).curves;
    const group = (point: FrontierPoint) =>
      certain(point.groups.find(({ name }) => name.startsWith("tabular")));
    expect(only?.servers).toEqual(["chat/llama-3-70b/1/Premium"]);
    expect(group(at(certain(only).points, 64)).replicas).toBe(group(at(certain(only).points, 1)).replicas);
    expect(at(certain(only).points, 64).usdPerHour).toBeGreaterThan(at(certain(only).points, 1).usdPerHour);
  });

  test("a curve of targets names only servers that have some", () => {
    expect(curve(spec, "slo", [2]).servers).toEqual([
      "chat/llama-3-70b/1/Premium",
      "tabular/bert-base/3/Premium",
    ]);
  });

  test("replicas written in the spec stay, and their groups are named", () => {
    const fixed = parsed(
      smallSpecWith("      - name: llama-3-70b\n", "      - name: llama-3-70b\n        replicas: 3\n"),
    );
    const answer = frontierOf(fixed, { vary: ["load"], factors: [0.25] });
    expect(answer.fixedGroups).toEqual(["chat-llama-3-70b-premium"]);
    for (const point of answer.curves[0]?.points ?? [])
      expect(point.groups.find(({ name }) => name === "chat-llama-3-70b-premium")?.replicas).toBe(3);
  });
});

test("models whose speed is estimated are named with their uncertainty", () => {
  expect(frontierOf(spec, { vary: ["load"], factors: [2] }).estimates).toEqual({
    models: ["bert-base", "llama-3-70b"],
    uncertaintyFraction: 0.5,
  });
});
