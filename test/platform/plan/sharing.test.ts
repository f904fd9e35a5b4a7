import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { groupDrafts } from "../../../platform/plan/group-drafts.ts";
import { nodeReservation } from "../../../platform/plan/hardware.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { apart, cheapestSharing, together } from "../../../platform/plan/sharing.ts";
import { candidatesOf } from "../../../optimizer/sizing/candidates.ts";
import { parsed } from "../../support/spec-fixture.ts";

const catalog = catalogOf("2026-11");
if (!catalog) throw new Error("the catalog is missing");
const hardware = {
  accelerators: catalog.accelerators.filter(({ name }) => name === "L4"),
  instanceTypes: catalog.instanceTypes.filter(({ accelerator }) => accelerator === "L4"),
  gpuLimits: {},
  reservation: nodeReservation,
};

interface Served {
  readonly rate: string;
  readonly slo?: string;
  readonly gamma?: string;
  readonly delta?: string;
}

/** A Triton engine with measured models on an L4. */
function engineWith(models: Readonly<Record<string, Served>>, engine = ""): string {
  const entries = Object.entries(models).map(
    ([name, { rate, slo, gamma = "2ms", delta = "1ms" }]) => `
      - name: ${name}
        profiles: [{ accelerator: L4, maxBatchSize: 16, gamma: ${gamma}, delta: ${delta}, weights: 1Gi, source: test }]
        traffic: [{ load: { rate: ${rate} }${slo === undefined ? "" : `, slo: { latencyP95: ${slo} }`} }]`,
  );
  return `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: small, stage: local }
catalog: "2026-11"
accelerators: { use: [L4] }
domino:
  datasets: [{ name: models, owner: platform, project: serving }]
engines:
  - name: tabular
    type: triton
    storage: { dataset: models, path: models/pre-load }${engine}
    models:${entries.join("")}
`;
}

const groupsOf = (text: string) =>
  planPlatform(parsed(text)).groups.map(({ name, models }) => [
    name,
    models.map((model) => model.name).toSorted(),
  ]);

describe("models of one engine", () => {
  test("share its servers where their joint load fits, and the plan says what that saves", () => {
    const text = engineWith({ a: { rate: "600/min" }, b: { rate: "600/min" }, c: { rate: "600/min" } });
    expect(groupsOf(text)).toEqual([["tabular", ["a", "b", "c"]]]);
    const { totals } = planPlatform(parsed(text));
    // Three g6.xlarge instead of one.
    expect(totals.sharing).toEqual({
      models: 3,
      groups: 1,
      separateUsdPerHour: expect.closeTo(3 * 0.8048, 6),
      savedUsdPerHour: expect.closeTo(2 * 0.8048, 6),
    });
  });

  test("are served apart where one of them breaks the targets of another", () => {
    const text = engineWith({
      slow: { rate: "400/min", gamma: "80ms", delta: "5ms" },
      strict: { rate: "6000/min", slo: "30ms" },
    });
    expect(groupsOf(text)).toEqual([
      ["tabular", ["slow"]],
      ["tabular-strict", ["strict"]],
    ]);
  });

  test("are served apart where one of them cannot be placed at all, so that the others are", () => {
    const text = engineWith({
      good: { rate: "600/min", slo: "50ms" },
      hopeless: { rate: "60/min", gamma: "80ms", slo: "50ms" },
    });
    const plan = planPlatform(parsed(text));
    expect(plan.groups.map(({ name }) => name)).toEqual(["tabular"]);
    expect(plan.groups[0]?.models.map(({ name }) => name)).toEqual(["good"]);
    expect(plan.unplaced.map(({ servers }) => servers)).toEqual([["tabular/hopeless/1/Free"]]);
    expect(plan.totals.sharing).toBeUndefined();
  });

  test("gather on as few servers as hold them where one does not", () => {
    const text = engineWith({
      a: { rate: "60/min", slo: "20ms" },
      b: { rate: "60/min", slo: "20ms" },
      slow1: { rate: "200/min", gamma: "80ms" },
      slow2: { rate: "200/min", gamma: "80ms" },
    });
    expect(groupsOf(text)).toEqual([
      ["tabular", ["a", "b"]],
      ["tabular-slow1", ["slow1", "slow2"]],
    ]);
  });

  test("stay together where the spec says how many replicas there are, or loads models on demand", () => {
    const models = { slow: { rate: "60/min", gamma: "80ms" }, strict: { rate: "600/min", slo: "30ms" } };
    expect(groupsOf(engineWith(models, "\n    replicas: 3"))).toEqual([["tabular", ["slow", "strict"]]]);
    expect(groupsOf(engineWith(models, "\n    loading: on-demand"))).toEqual([
      ["tabular", ["slow", "strict"]],
    ]);
  });

  test("stay together rather than take the name of another group", () => {
    const text = engineWith({
      slow: { rate: "60/min", gamma: "80ms" },
      strict: { rate: "600/min", slo: "30ms" },
    });
    const other = `  - name: tabular-strict
    type: triton
    storage: { dataset: models, path: models/other }
    models:
      - name: bert-base
        traffic: [{ load: { rate: 6/min } }]
`;
    const drafts = groupDrafts(parsed(text + other), catalog, hardware.accelerators, apart);
    expect(drafts.map(({ name }) => name)).toEqual(["tabular", "tabular-strict"]);
    expect(drafts[0]?.models.map(({ name }) => name)).toEqual(["slow", "strict"]);
  });

  test("never cost more than all together or each alone", () => {
    const text = engineWith({
      a: { rate: "3000/min", slo: "40ms" },
      b: { rate: "9000/min" },
      c: { rate: "600/min", gamma: "15ms", slo: "60ms" },
      d: { rate: "60/min", gamma: "40ms" },
    });
    const cost = (sharing: typeof apart) => {
      const drafts = groupDrafts(parsed(text), catalog, hardware.accelerators, sharing);
      return drafts.reduce((sum, { demand }) => sum + leastUsdPerHour(demand), 0);
    };
    const chosen = cost(cheapestSharing(hardware));
    expect(chosen).toBeLessThanOrEqual(cost(together));
    expect(chosen).toBeLessThanOrEqual(cost(apart));
  });
});

function leastUsdPerHour(demand: Parameters<typeof candidatesOf>[0]): number {
  return candidatesOf(demand, hardware).candidates[0]?.gpuUsdPerHour ?? Infinity;
}
