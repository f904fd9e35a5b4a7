import { describe, expect, test, vi } from "vitest";
import type { ReplicaShape } from "../../../optimizer/workload.ts";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import type * as EngineList from "../../../platform/engines/engine-list.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import { renderMiss, unplaceableProblems } from "../../../platform/plan/unplaceable.ts";
import { parsed } from "../../support/spec-fixture.ts";

/** What is asked of a pod must not depend on how vLLM's own resources are chosen. */
vi.mock("../../../platform/engines/engine-list.ts", async (original) => {
  const engines = await original<typeof EngineList>();
  const resources = ({ gpusPerReplica, weightsGiB }: ReplicaShape) => ({
    cpuMillis: 4_000 * gpusPerReplica,
    memoryMiB: 8_192 + Math.ceil(weightsGiB) * 64,
  });
  return {
    ...engines,
    vllm: {
      ...engines.vllm,
      multiNode: true,
      resources,
      bytesPerWeight: (options: object) => bytesOf(options),
    },
  };
});
const bytesOf = (options: object) =>
  "quantization" in options && options.quantization === "fp8" ? 1 : undefined;

/** The network of a model of 405 billion parameters: 756 GiB of weights, which no node but that of B200 holds. */
const architecture = `{ task: generation, parameters: 405853388800, layers: 126, hiddenSize: 16384, attentionHeads: 128, kvHeads: 8, headDimension: 128, bytesPerWeight: 2, maxSequenceTokens: 131072, source: config.json }`;

interface Asked {
  readonly layout?: string;
  readonly use?: string;
  readonly limits?: string;
  readonly network?: string;
  readonly load?: string;
  readonly nodes?: string;
}

function planOf({
  layout = "gpusPerReplica: 16\n        nodesPerReplica: 2",
  use = "[H100-80G]",
  limits = "",
  network = `architecture: ${architecture}`,
  load = "rate: 60/min",
  nodes = "",
}: Asked = {}): PlatformPlan {
  return planPlatform(
    parsed(`apiVersion: domino-inference/v1
kind: Platform
metadata: { name: small, stage: local }
catalog: "2026-11"
accelerators: { use: ${use}${limits} }
${nodes}
engines:
  - name: chat
    type: vllm
    storage: s3://acme-models/llm
    models:
      - name: large
        ${network}
        ${layout}
        traffic:
          - slo: { itlMean: 150ms }
            load: { ${load}, inputTokens: 1024, outputTokens: 256 }
`),
  );
}

describe("a model whose replicas span two nodes", () => {
  const plan = planOf();
  const [group] = plan.groups;
  const replicas = group?.replicas ?? 0;

  test("is one group of replicas with a pod on each node", () => {
    expect(group).toMatchObject({
      name: "chat-large-free",
      accelerator: "H100-80G",
      gpusPerReplica: 16,
      nodesPerReplica: 2,
      nodePools: ["small-p5-48xlarge"],
    });
    expect(group).not.toHaveProperty("role");
    expect(replicas).toBeGreaterThan(0);
  });

  test("takes whole nodes of one type, each for one pod", () => {
    expect(plan.nodePools).toHaveLength(1);
    const [pool] = plan.nodePools;
    expect(pool).toMatchObject({ instanceType: "p5.48xlarge", gpusPerNode: 8, desiredNodes: 2 * replicas });
    for (const node of pool?.nodes ?? []) {
      expect(node.replicas).toEqual([{ group: "chat-large-free", count: 1 }]);
    }
    expect(group?.usdPerHour).toBeCloseTo(plan.totals.usdPerHour, 9);
    expect(plan.totals).toMatchObject({
      nodes: 2 * replicas,
      gpus: 16 * replicas,
      gpusUsed: 16 * replicas,
      replicas,
    });
  });

  test("asks for what a pod needs: eight cards and half of the weights", () => {
    const pod = { accelerator: "H100-80G", gpusPerReplica: 8, weightsGiB: (group?.weightsGiB ?? 0) / 2 };
    expect(group?.weightsGiB).toBeCloseTo(756, 0);
    expect(group?.cpuMillis).toBe(32_000);
    expect(group?.memoryMiB).toBe(8_192 + 378 * 64);
    expect(group?.sharedMemoryMiB).toBe(engineProfiles.vllm.sharedMemoryMiB(pod));
  });

  test("has room in its namespace's quota for all pods of one replica more", () => {
    const [namespace] = plan.namespaces;
    const pods = 2 * (replicas + 1);
    expect(namespace?.quota).toMatchObject({
      gpus: 8 * pods,
      pods,
      cpuMillis: pods * (group?.cpuMillis ?? 0),
      memoryMiB: pods * (group?.memoryMiB ?? 0),
    });
  });

  test("rests on an estimate that says so, and is less certain than on one node", () => {
    const [model] = group?.models ?? [];
    expect(model?.origin).toMatchObject({ kind: "estimate" });
    expect(model?.origin.uncertaintyFraction).toBeCloseTo(0.7, 9);
    expect(model?.origin.source).toContain("2 nodes as stages of a pipeline");
  });

  test("may leave the shape to the optimizer, which takes whole nodes of any accelerator", () => {
    const free = planOf({ layout: "nodesPerReplica: 2", use: "[H100-80G, H200-141G, L40S]" });
    const [chosen] = free.groups;
    expect(chosen?.nodesPerReplica).toBe(2);
    const pools = free.nodePools.filter(({ name }) => chosen?.nodePools.includes(name));
    expect(pools.map(({ gpusPerNode }) => gpusPerNode)).toEqual([(chosen?.gpusPerReplica ?? 0) / 2]);
  });

  test("keeps whole replicas free as headroom", () => {
    const spare = planOf({ nodes: "nodes: { provisioner: managed-node-groups, headroom: 0.1 }" });
    const kept = spare.nodePools.flatMap(({ nodes }) => nodes.flatMap(({ spare: free = [] }) => free));
    expect(kept).toEqual([
      { group: "chat-large-free", count: 1 },
      { group: "chat-large-free", count: 1 },
    ]);
  });

  test("follows the hours of the day in whole replicas", () => {
    const daily = Array.from({ length: 24 }, (_, hour) => (hour < 8 ? 0.01 : 1)).join(", ");
    const { schedule, groups } = planOf({ load: `rate: 1200/min, daily: [${daily}]` });
    const [night, day] = schedule?.periods ?? [];
    const busiest = groups[0]?.replicas ?? 0;
    expect(day?.nodes).toEqual({ "p5.48xlarge": 2 * busiest });
    expect(night?.nodes).toEqual({ "p5.48xlarge": 2 * (night?.replicas["chat-large-free"] ?? 0) });
    expect(night?.replicas["chat-large-free"]).toBeLessThan(busiest);
  });

  test("counts quantised weights", () => {
    const quantised = planOf({ layout: "nodesPerReplica: 2\n        vllm: { quantization: fp8 }" });
    expect(quantised.groups[0]?.weightsGiB).toBeCloseTo(378, 0);
  });
});

describe("a shape that the spec says", () => {
  const small = "base: llama-3-8b";

  test("is the only one that is planned", () => {
    const chosen = planOf({ network: small, layout: "" }).groups[0]?.gpusPerReplica;
    expect(chosen).not.toBe(4);
    const said = planOf({ network: small, layout: "gpusPerReplica: 4" });
    expect(said.groups[0]).toMatchObject({ gpusPerReplica: 4, nodesPerReplica: 1 });
    expect(said.groups[0]?.explanation.nextBest).toBeUndefined();
  });

  test("may be none of the usual ones where the heads allow it", () => {
    const heads = architecture.replace("attentionHeads: 128, kvHeads: 8", "attentionHeads: 48, kvHeads: 12");
    const [group] = planOf({
      network: `architecture: ${heads.replace("405853388800", "20e9")}`,
      layout: "gpusPerReplica: 6",
    }).groups;
    expect(group?.gpusPerReplica).toBe(6);
  });

  test("that measurements were given for is refused too where the heads do not divide", () => {
    const profile =
      "{ accelerator: H100-80G, gpusPerReplica: 6, maxBatchSize: 32, alpha: 10ms, beta: 1ms, gamma: 10ms, delta: 0.1ms, source: me }";
    const measured = planOf({
      network: `architecture: ${architecture.replace("405853388800", "20e9")}\n        profiles: [${profile}]`,
      layout: "",
    });
    expect(measured.groups[0]?.gpusPerReplica).not.toBe(6);
  });
});

describe("a shape that cannot be", () => {
  const message = (asked: Asked) => unplaceableProblems(planOf(asked))[0]?.message;

  test("because of the heads is left out, and told with the number of GPUs over which they can be shared out", () => {
    const heads = architecture.replace("attentionHeads: 128, kvHeads: 8", "attentionHeads: 20, kvHeads: 4");
    const [group] = planOf({
      network: `architecture: ${heads.replace("405853388800", "160e9")}`,
      layout: "",
      use: "[H100-80G, H200-141G]",
    }).groups;
    expect(group).toMatchObject({ accelerator: "H200-141G", gpusPerReplica: 4 });
    expect(
      renderMiss({
        accelerator: "H100-80G",
        gpusPerReplica: 16,
        nodesPerReplica: 2,
        subject: "large",
        constraint: "heads",
        allowed: 4,
        reached: 8,
        unit: "GPU",
      }),
    ).toBe(
      "16x H100-80G over 2 nodes: the attention heads of large cannot be shared out over 8 GPU of a node, but over 4 GPU",
    );
  });

  test("because no node has just its GPUs names the nearest", () => {
    expect(
      message({ network: "base: llama-3-8b", layout: "gpusPerReplica: 8\n        nodesPerReplica: 2" }),
    ).toContain(
      "8x H100-80G over 2 nodes: every pod takes a whole node of the same number of GPUs (needs 4 GPU, nearest is 1 GPU)",
    );
  });

  test("because cards are limited counts those of all its nodes", () => {
    expect(message({ limits: ", limits: { H100-80G: 8 }" })).toContain(
      "16x H100-80G over 2 nodes: needs 16 GPU, the limit leaves 8 GPU",
    );
  });

  test("because its memory is too small says how much is short over all nodes", () => {
    expect(message({ layout: "gpusPerReplica: 8\n        nodesPerReplica: 2", use: "[L40S]" })).toMatch(
      /8x L40S over 2 nodes: needs \d+ GiB of GPU memory, has 322 GiB/,
    );
  });
});
