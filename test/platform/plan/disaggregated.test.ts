import { describe, expect, test, vi } from "vitest";
import type * as EngineList from "../../../platform/engines/engine-list.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import { renderMiss } from "../../../platform/plan/unplaceable.ts";
import { parsed } from "../../support/spec-fixture.ts";

/** An engine whose models with a short longest sequence run as two pools: any option will do. */
vi.mock("../../../platform/engines/engine-list.ts", async (original) => {
  const engines = await original<typeof EngineList>();
  const isTwoPools = (options: object) =>
    "maxSequenceTokens" in options && options.maxSequenceTokens === 4096;
  return { ...engines, vllm: { ...engines.vllm, disaggregated: isTwoPools } };
});

interface Asked {
  readonly twoPools?: boolean;
  readonly slo?: string;
  readonly limits?: string;
  readonly load?: string;
  readonly model?: string;
  readonly modelName?: string;
}

function planOf({
  twoPools = true,
  slo = "ttftP95: 2s, itlMean: 25ms",
  limits = "",
  load = "rate: 600/min",
  model = "",
  modelName = "llama-3-70b",
}: Asked = {}): PlatformPlan {
  return planPlatform(
    parsed(`apiVersion: domino-inference/v1
kind: Platform
metadata: { name: small, stage: local }
catalog: "2026-11"
accelerators: { use: [A100-80G, H100-80G]${limits} }
engines:
  - name: chat
    type: vllm
    storage: s3://acme-models/llm
    models:
      - name: ${modelName}
        ${twoPools ? "vllm: { maxSequenceTokens: 4096 }" : ""}
        ${model}
        traffic:
          - slo: { ${slo} }
            load: { ${load}, inputTokens: 2048, outputTokens: 256 }
`),
  );
}

const name = "chat-llama-3-70b-free";
const podsOf = (plan: PlatformPlan, group: string) =>
  plan.nodePools
    .flatMap(({ nodes }) => nodes.flatMap(({ replicas }) => replicas))
    .filter((held) => held.group === group)
    .reduce((sum, { count }) => sum + count, 0);

describe("a disaggregated model", () => {
  const plan = planOf();
  const [decode, prefill] = plan.groups;

  test("is two groups, named after what they do", () => {
    expect(plan.groups.map((group) => [group.name, group.role])).toEqual([
      [`${name}-decode`, "decode"],
      [`${name}-prefill`, "prefill"],
    ]);
    expect(plan.engines[0]?.groups).toEqual([`${name}-decode`, `${name}-prefill`]);
    for (const group of plan.groups) {
      expect(podsOf(plan, group.name)).toBe(group.replicas);
      expect(group.nodePools.length).toBeGreaterThan(0);
      expect(group).toMatchObject({ nodesPerReplica: 1, replicasOwner: "plan", replicasFrom: "optimizer" });
    }
  });

  test("sends every request through both pools, which carry them within the targets", () => {
    for (const group of plan.groups) {
      expect(group.requestsPerMinute).toBe(600);
      expect(group).not.toHaveProperty("share");
      expect(group.replicas * group.maxRequestsPerMinutePerReplica).toBeGreaterThan(600);
      expect(group.utilisation).toBeGreaterThan(0);
      expect(group.utilisation).toBeLessThan(1);
    }
    const [server] = plan.servers;
    expect(server?.group).toBe(`${name}-decode`);
    expect(plan.routes.servers[0]?.models[0]?.versions[0]?.targets.map(({ group }) => group)).toEqual([
      `${name}-decode`,
    ]);
    expect(server?.prediction?.ttft.p95Ms).toBeLessThan(2000);
    expect(server?.prediction?.itl.meanMs).toBeLessThan(25);
  });

  test("takes the longest sequence that both pools hold", () => {
    expect(prefill?.models[0]?.maxSequenceTokens).toBe(decode?.models[0]?.maxSequenceTokens);
  });

  test("says for each pool what set its size, and no longer that two pools would be possible", () => {
    for (const group of plan.groups) {
      expect(group.explanation).not.toHaveProperty("disaggregated");
      expect(["slo", "saturation", "minimum"]).toContain(group.explanation.binding);
    }
    const { nextBest } = prefill?.explanation ?? {};
    expect(nextBest?.extraUsdPerHour).toBeGreaterThanOrEqual(0);
  });

  test("costs what its nodes do, shared out over the pools", () => {
    const shares = plan.groups.reduce((sum, { usdPerHour }) => sum + usdPerHour, 0);
    expect(shares).toBeCloseTo(plan.totals.usdPerHour, 9);
    expect(plan.totals).toMatchObject({
      replicas: (prefill?.replicas ?? 0) + (decode?.replicas ?? 0),
      servers: 1,
      serversPlaced: 1,
      gpusUsed: plan.groups.reduce((sum, group) => sum + group.replicas * group.gpusPerReplica, 0),
    });
    const [namespace] = plan.namespaces;
    expect(namespace?.quota.pods).toBe(plan.groups.reduce((sum, { replicas }) => sum + replicas + 1, 0));
  });

  test("is a model like others where its options do not ask for it", () => {
    const whole = planOf({ twoPools: false });
    expect(whole.groups).toHaveLength(1);
    expect(whole.groups[0]).not.toHaveProperty("role");
    expect(whole.groups[0]?.name).toBe(name);
  });

  test("has the shape that the spec says in both pools", () => {
    const said = planOf({ model: "gpusPerReplica: 8" });
    expect(said.groups.map(({ gpusPerReplica }) => gpusPerReplica)).toEqual([8, 8]);
  });

  test("stands at the sizes of its busiest hours all day, beside the nodes that the schedule counts", () => {
    const daily = Array.from({ length: 24 }, (_, hour) => (hour < 8 ? 0.2 : 1)).join(", ");
    const byHour = planOf({ load: `rate: 600/min, daily: [${daily}]` });
    expect(byHour.groups.map(({ replicas }) => replicas)).toEqual(
      plan.groups.map(({ replicas }) => replicas),
    );
    const [night, day] = byHour.schedule?.periods ?? [];
    expect(night?.replicas).toEqual(
      Object.fromEntries(plan.groups.map(({ name: group, replicas }) => [group, replicas])),
    );
    expect(night?.usdPerHour).toBeCloseTo(day?.usdPerHour ?? 0, 9);
  });

  test("is left out, with the nearest misses, where no two pools hold its targets or find cards", () => {
    const slow = planOf({ slo: "ttftP95: 20ms" });
    expect(slow.groups).toEqual([]);
    expect(slow.unplaced[0]?.misses[0]).toMatchObject({ constraint: "ttftP95", allowed: 20 });
    const [none] = planOf({ limits: ", limits: { A100-80G: 0, H100-80G: 7 }" }).unplaced;
    expect(none?.misses[0]).toMatchObject({ accelerator: "H100-80G", constraint: "capacity", allowed: 7 });
  });

  test("is the same plan again", () => {
    expect(JSON.stringify(planOf())).toBe(JSON.stringify(plan));
  });
});

test("a model without a known network is no two pools, and is told why", () => {
  const profile =
    "{ accelerator: H100-80G, gpusPerReplica: 8, maxBatchSize: 32, alpha: 10ms, beta: 1ms, gamma: 10ms, delta: 0.1ms, weights: 130GiB, source: me }";
  const { unplaced } = planOf({ modelName: "mine", model: `profiles: [${profile}]` });
  const [miss] = unplaced[0]?.misses ?? [];
  expect(miss && renderMiss(miss)).toBe(
    `two pools of chat-mine-free hand over keys and values of unknown size: architecture or base tells it`,
  );
});

describe("two pools that cannot be planned", () => {
  test("because the spec has one count of replicas are refused, whatever rules there are", () => {
    expect(() => planOf({ model: "replicas: 4" })).toThrow(
      `${name} is two pools, and one count of replicas (4) says nothing of either`,
    );
    expect(() => planOf({ model: "splitAccelerators: true" })).toThrow(
      "split over two kinds of accelerators",
    );
  });

  test("because their names would be too long are refused", () => {
    const long = "a-model-with-quite-a-long-name-for-a-model-of-its";
    const named = (modelName: string) => () => planOf({ modelName, model: "base: llama-3-70b" });
    expect(named(long)).toThrow(`chat-${long}-free-prefill has 67 characters`);
    expect(named(long.slice(0, 44))).not.toThrow();
  });
});
