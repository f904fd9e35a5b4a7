import { describe, expect, test } from "vitest";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformPlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { parsed } from "../../support/spec-fixture.ts";

interface Engine {
  readonly type: "triton" | "vllm";
  readonly model: string;
  readonly slo: string;
  readonly rate?: string;
  /** More of the load, such as a daily curve. */
  readonly load?: string;
}

const small: Engine = { type: "triton", model: "name: distilbert-base", slo: "latencyP95: 1s" };
const quick: Engine = { type: "triton", model: "name: bert-base", slo: "latencyP95: 30ms" };
/** 11.2 GiB of weights: more than a slice of 10 GB holds. */
const large: Engine = {
  type: "triton",
  model:
    "{ name: ranker, architecture: { task: request-response, parameters: 6000000000, layers: 32, kvHeads: 32, headDimension: 128, bytesPerWeight: 2, maxSequenceTokens: 512, tokensPerRequest: 128, source: test } }",
  slo: "latencyP95: 100ms",
};
const chat: Engine = { type: "vllm", model: "name: llama-3-8b", slo: "ttftP95: 2s, itlMean: 60ms" };

function textOf(engines: Readonly<Record<string, Engine>>, accelerators: string): string {
  const entries = Object.entries(engines).map(([name, { type, model, slo, rate = "60/min", load = "" }]) => {
    const tokens = type === "vllm" ? ", inputTokens: 512, outputTokens: 128" : "";
    const entry = model.startsWith("{") ? model.slice(1, -1).trim() : model;
    return `
  - name: ${name}
    type: ${type}
    storage: { dataset: models, path: models }
    models: [{ ${entry}, traffic: [{ slo: { ${slo} }, load: { rate: ${rate}${tokens}${load} } }] }]`;
  });
  return `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: small, stage: local }
catalog: "2026-11"
${accelerators}
domino: { datasets: [{ name: models, owner: platform, project: serving }] }
engines:${entries.join("")}
`;
}

const planOf = (engines: Readonly<Record<string, Engine>>, use: string, more = "") =>
  planPlatform(parsed(textOf(engines, `accelerators: { use: [${use}]${more} }`)));

function only(plan: PlatformPlan): ReplicaGroupPlan {
  const [group] = plan.groups;
  if (!group || plan.groups.length > 1) throw new Error(`${plan.groups.length} groups`);
  return group;
}

function expectEveryTargetHeld(plan: PlatformPlan): void {
  expect(plan.unplaced).toEqual([]);
  for (const { slo, prediction } of plan.servers) {
    if (!prediction) throw new Error("a server without a prediction");
    expect(prediction.latency.p95Ms).toBeLessThanOrEqual(slo.latencyP95Ms ?? Number.POSITIVE_INFINITY);
    expect(prediction.ttft.p95Ms).toBeLessThanOrEqual(slo.ttftP95Ms ?? Number.POSITIVE_INFINITY);
    expect(prediction.itl.meanMs).toBeLessThanOrEqual(slo.itlMeanMs ?? Number.POSITIVE_INFINITY);
  }
}

const everything = "L4, H100-80G, H100-80G-1g.10gb, CPU";
const hopper = "H100-80G, H100-80G-1g.10gb, CPU";

describe("a small model", () => {
  test("lands on CPU where that is cheapest and every target holds", () => {
    const plan = planOf({ tabular: small }, everything);
    expectEveryTargetHeld(plan);
    const group = only(plan);
    expect(group).toMatchObject({
      accelerator: "CPU",
      device: { kind: "cpu", cpuMillis: 3000 },
      gpusPerReplica: 1,
      replicas: 1,
      cpuMillis: 3000,
      nodePools: ["small-m7i-xlarge"],
    });
    expect(plan.totals).toMatchObject({ usdPerHour: 0.2016, nodes: 1, gpus: 0, gpusUsed: 0 });
    expect(plan.namespaces[0]?.quota).toMatchObject({ gpus: 0, cpuMillis: 6000 });
    expect(plan.namespaces[0]?.quota).not.toHaveProperty("slices");
    expect(plan.totals.usdPerHour).toBeLessThan(planOf({ tabular: small }, "L4").totals.usdPerHour);
  });

  test("lands on a card where that is cheaper than as many CPUs as its load needs", () => {
    const plan = planOf({ tabular: { ...small, rate: "6000/min" } }, everything);
    expectEveryTargetHeld(plan);
    expect(only(plan).accelerator).toBe("L4");
    expect(only(plan)).not.toHaveProperty("device");
  });

  test("lands on a slice of a card where CPU is too slow", () => {
    const plan = planOf({ tabular: quick }, hopper);
    expectEveryTargetHeld(plan);
    expect(only(plan)).toMatchObject({
      accelerator: "H100-80G-1g.10gb",
      device: { kind: "mig", profile: "1g.10gb", card: "H100-80G", perCard: 7 },
      gpusPerReplica: 1,
      nodePools: ["small-p5-4xlarge-1g-10gb"],
    });
    expect(plan.nodePools).toMatchObject([
      { name: "small-p5-4xlarge-1g-10gb", instanceType: "p5.4xlarge", gpusPerNode: 7 },
    ]);
    // One card is paid for, a seventh of it used.
    expect(plan.totals.gpus).toBe(1);
    expect(plan.totals.gpusUsed).toBeCloseTo(1 / 7, 9);
    expect(plan.namespaces[0]?.quota).toMatchObject({ gpus: 0, slices: { "nvidia.com/mig-1g.10gb": 2 } });
  });

  test("shares a card with those of other engines, each on a slice of its own", () => {
    const engines = { first: quick, second: quick, third: quick };
    const plan = planOf(engines, hopper);
    expectEveryTargetHeld(plan);
    expect(plan.groups.map(({ accelerator }) => accelerator)).toEqual(Array(3).fill("H100-80G-1g.10gb"));
    expect(plan.totals).toMatchObject({ nodes: 1, gpus: 1 });
    expect(plan.totals.usdPerHour).toBeCloseTo(planOf(engines, "H100-80G").totals.usdPerHour / 3, 9);
  });
});

test("a model that a slice is too small for lands on a card", () => {
  const plan = planOf({ tabular: large }, hopper);
  expectEveryTargetHeld(plan);
  expect(only(plan).accelerator).toBe("H100-80G");
  const refused = planOf({ tabular: large }, "H100-80G-1g.10gb");
  expect(refused.unplaced[0]?.misses).toMatchObject([
    { accelerator: "H100-80G-1g.10gb", constraint: "memory" },
  ]);
});

describe("an LLM", () => {
  test("runs on one slice a replica, however many of them a card has", () => {
    const plan = planOf({ chat: { ...chat, rate: "300/min" } }, "H100-80G-2g.20gb, H100-80G-3g.40gb");
    expectEveryTargetHeld(plan);
    expect(only(plan).gpusPerReplica).toBe(1);
    expect(only(plan).device).toMatchObject({ kind: "mig" });
  });

  test("never runs on CPU, where its engine does not", () => {
    const plan = planOf({ chat }, "CPU");
    expect(plan.groups).toEqual([]);
    expect(plan.unplaced).toHaveLength(1);
  });
});

describe("limits on slices and shares", () => {
  test("count slices, those of a node that are not used too", () => {
    const engines = { first: quick, second: quick };
    expect(planOf(engines, hopper, ", limits: { H100-80G-1g.10gb: 7 }").totals.gpus).toBe(1);
    const six = planOf(engines, hopper, ", limits: { H100-80G-1g.10gb: 6 }");
    expect(six.groups.map(({ accelerator }) => accelerator)).toEqual(["H100-80G", "H100-80G"]);
  });

  test("count shares of CPU", () => {
    expect(only(planOf({ tabular: small }, everything, ", limits: { CPU: 0 }")).accelerator).toBe("L4");
  });
});

describe("nodes of one instance type, whole and cut", () => {
  const daily = `, daily: [${Array.from({ length: 24 }, (_, hour) => (hour < 12 ? 0.1 : 1)).join(", ")}]`;
  const plan = planOf(
    { tabular: { ...quick, load: daily }, ranker: { ...large, rate: "600/min", load: daily } },
    hopper,
  );

  test("are pools of their own, each with the accelerators and the sizes of its kind", () => {
    expectEveryTargetHeld(plan);
    expect(
      plan.nodePools.map(({ name, accelerator, gpusPerNode }) => [name, accelerator, gpusPerNode]),
    ).toEqual([
      ["small-p5-4xlarge", "H100-80G", 1],
      ["small-p5-4xlarge-1g-10gb", "H100-80G-1g.10gb", 7],
    ]);
    for (const { name, nodePools } of plan.groups) {
      expect(nodePools).toEqual([name === "ranker" ? "small-p5-4xlarge" : "small-p5-4xlarge-1g-10gb"]);
    }
  });

  test("are not Karpenter's to launch where they are cut", () => {
    expect(plan.karpenterPools.map(({ accelerator, limits }) => [accelerator, limits.gpuCount])).toEqual([
      ["H100-80G", 1 + (plan.nodePools[0]?.desiredNodes ?? 0)],
    ]);
  });

  test("are told apart by the hour too", () => {
    const desired = Object.fromEntries(
      plan.nodePools.map(({ instanceType, device, desiredNodes }) => [
        device?.kind === "mig" ? `${instanceType}-${device.profile}` : instanceType,
        desiredNodes,
      ]),
    );
    expect(plan.schedule?.periods[1]?.nodes).toEqual(desired);
    expect(plan.schedule?.usdPerDayAtPeak).toBeCloseTo(24 * plan.totals.usdPerHour, 6);
    for (const { desiredNodes, allocatable, nodes, gpusPerNode } of plan.nodePools) {
      expect(nodes).toHaveLength(desiredNodes);
      expect(allocatable.gpuCount).toBe(gpusPerNode);
    }
  });
});

describe("a spec that names no slice and no CPU", () => {
  test("gets cards only, the same as if it named every card", () => {
    const unsaid = planPlatform(parsed(textOf({ tabular: small }, "")));
    const cards = newestCatalog.accelerators.map(({ name }) => name).join(", ");
    expect(unsaid).toEqual(planOf({ tabular: small }, cards));
    expect(JSON.stringify(unsaid)).not.toContain("device");
  });
});
