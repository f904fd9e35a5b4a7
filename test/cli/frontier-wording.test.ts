import { describe, expect, test } from "vitest";
import {
  factorText,
  limitTexts,
  nodesText,
  noteTexts,
  variedText,
} from "../../cli/render/frontier-wording.ts";
import { switchBadges } from "../../cli/render/frontier-marks.ts";
import type { Frontier, FrontierCurve, FrontierPoint } from "../../platform/frontier/frontier.ts";

const point: FrontierPoint = {
  factor: 1,
  usdPerHour: 5,
  nodes: 1,
  gpus: 1,
  replicas: 1,
  servers: 4,
  serversPlaced: 4,
  groups: [],
  nodePools: [],
  unplaced: [],
  changes: [],
};
const load: FrontierCurve = {
  vary: "load",
  servers: ["a", "b", "c", "d"],
  points: [point],
  placed: { holds: "throughout" },
};
const frontier: Frontier = {
  apiVersion: "domino-inference/v1",
  kind: "Frontier",
  platform: "small",
  stage: "local",
  catalog: { version: "2026-11", pricesAsOf: "2026-07-20", region: "us-east-1" },
  fixedGroups: [],
  curves: [],
};

describe("how far a curve goes", () => {
  test("is up to a load, and down to targets", () => {
    const upTo = { holds: "up-to", lastFactor: 1.987, brokenFactor: 2.003 } as const;
    const budget = { ...frontier, budgetUsdPerHour: 60 };
    expect(limitTexts(budget, { ...load, withinBudget: upTo })).toEqual([
      "every server is placed at every factor",
      "the budget of 60.00 USD/h suffices for every server up to load 1.99x",
    ]);
    expect(limitTexts(budget, { ...load, vary: "slo", withinBudget: upTo })[1]).toMatch(
      /down to targets 1\.99x$/,
    );
  });

  test("names the first servers without a place, counts the others, and says what they miss", () => {
    const broken: FrontierPoint = {
      ...point,
      factor: 2,
      unplaced: [
        {
          servers: ["chat/m/1/Premium", "chat/m/1/Free"],
          nearestMiss: {
            accelerator: "L4",
            gpusPerReplica: 2,
            subject: "chat",
            constraint: "capacity",
            allowed: 4,
            reached: 6,
            unit: "GPU",
          },
        },
        { servers: ["x/y/1/Free"] },
      ],
    };
    const placed = { holds: "up-to", lastFactor: 1.99, brokenFactor: 2 } as const;
    expect(limitTexts(frontier, { ...load, points: [point, broken], placed })).toEqual([
      "every server is placed up to load 1.99x: no place for chat/m/1/Premium, chat/m/1/Free and 1 more " +
        "(2x L4: needs 6 GPU, the limit leaves 4 GPU)",
    ]);
  });

  test("is nowhere where a model fits no accelerator", () => {
    const left = { ...point, unplaced: [{ servers: ["x/y/1/Free"] }] };
    expect(limitTexts(frontier, { ...load, points: [left], placed: { holds: "nowhere" } })).toEqual([
      "every server is placed at no factor: no place for x/y/1/Free (no allowed accelerator carries the model)",
    ]);
  });
});

test("the servers of a curve are counted, few are named, and none is said", () => {
  const curveOf = (servers: readonly string[]) => variedText({ ...load, servers });
  expect(curveOf(["a", "b", "c", "d"])).toBe("all 4 servers");
  expect(curveOf(["a", "b"])).toBe("a, b");
  expect(variedText({ ...load, points: [{ ...point, servers: 9 }] })).toBe("4 of 9 servers");
  expect(variedText({ ...load, servers: ["a"], points: [{ ...point, servers: 1 }] })).toBe("a");
  expect(curveOf([])).toBe("no server has a latency target: nothing can change");
});

test("nodes are named with the most expensive first", () => {
  const pool = (instanceType: string, nodes: number, usdPerHour: number) => ({
    accelerator: "L4",
    instanceType,
    nodes,
    usdPerHour,
  });
  const nodePools = [pool("b", 1, 2), pool("a", 2, 2), pool("c", 3, 9)];
  expect(nodesText({ ...point, nodePools })).toBe("3 c, 2 a, 1 b");
  expect(nodesText(point)).toBe("none");
  const device = { kind: "mig", profile: "1g.10gb", card: "H100-80G", perCard: 7 } as const;
  const whole = { accelerator: "H100-80G", instanceType: "p5.4xlarge", nodes: 1, usdPerHour: 6.88 };
  const cut = { ...whole, accelerator: "H100-80G-1g.10gb", device };
  expect(nodesText({ ...point, nodePools: [cut, whole] })).toBe("1 p5.4xlarge, 1 p5.4xlarge-1g.10gb");
});

test("factors have three digits", () => {
  expect([0.25, 1, 1.41421356, 100].map(factorText)).toEqual(["0.25x", "1x", "1.41x", "100x"]);
});

test("measured platforms without written replicas have no notes", () => {
  expect(noteTexts(frontier)).toEqual([]);
});

test("a number that would hide the one before it is raised", () => {
  const marks = [0.5, 0.501, 2].map((edge, index) => ({
    number: index + 1,
    factor: edge,
    edge,
    changes: [],
  }));
  const curve = { ...load, points: [0.25, 4].map((factor) => ({ ...point, factor })) };
  const heights = switchBadges(marks, curve)
    .filter(({ type }) => type === "symbol")
    .map((mark) => (mark.encode?.enter?.y as { value: number }).value);
  expect(heights[1]).toBeLessThan(heights[0] ?? 0);
  expect(heights[2]).toBe(heights[0]);
});
