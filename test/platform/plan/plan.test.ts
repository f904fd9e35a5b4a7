import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import { requirePlaced } from "../../../platform/plan/unplaceable.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const planOf = (text: string) => planPlatform(parsed(text));

function groupNamed(plan: PlatformPlan, name: string) {
  const group = plan.groups.find((candidate) => candidate.name === name);
  if (!group) throw new Error(`no group ${name}; there are ${plan.groups.map((one) => one.name).join(", ")}`);
  return group;
}

describe("replica groups", () => {
  test("of an engine whose models share servers are one, named as the engine", () => {
    const plan = planOf(smallSpec);
    expect(groupNamed(plan, "tabular")).toMatchObject({
      engineType: "triton",
      namespace: "domino-inference-local",
      models: [{ name: "bert-base", versions: [{ version: "3", weight: 100 }], task: "request-response" }],
      serviceClasses: ["Premium", "Free"],
      requestsPerMinute: 660,
      replicasOwner: "plan",
      replicasFrom: "optimizer",
    });
  });

  test("of an engine with replicas per model are one for every model and class", () => {
    expect(groupNamed(planOf(smallSpec), "chat-llama-3-70b-premium")).toMatchObject({
      engineType: "vllm",
      serviceClasses: ["Premium"],
      models: [{ name: "llama-3-70b", task: "generation", maxSequenceTokens: 8192 }],
    });
  });

  test("of versions side by side have the version in their name and their share of the load", () => {
    const plan = planOf(
      smallSpecWith(
        "- name: llama-3-70b",
        "- name: llama-3-70b\n        versions: [{ version: 7, weight: 75 }, { version: 8, weight: 25 }]",
      ),
    );
    expect(groupNamed(plan, "chat-llama-3-70b-premium").requestsPerMinute).toBe(45);
    expect(groupNamed(plan, "chat-llama-3-70b-premium-v8").requestsPerMinute).toBe(15);
    expect(
      plan.routes.servers[0]?.models[0]?.versions.map(({ version, weight }) => [version, weight]),
    ).toEqual([
      ["7", 75],
      ["8", 25],
    ]);
  });

  test("live in the namespace that their engine names", () => {
    const plan = planOf(smallSpecWith("type: vllm", "type: vllm\n    namespace: llm"));
    expect(groupNamed(plan, "chat-llama-3-70b-premium").namespace).toBe("llm");
    expect(plan.namespaces.map((namespace) => namespace.name)).toEqual(["domino-inference-local", "llm"]);
    expect(plan.routes.servers[0]?.models[0]?.versions[0]?.targets[0]?.endpoints).toEqual([
      "http://chat-llama-3-70b-premium.llm.svc.cluster.local:8000",
    ]);
  });

  test("keep the replicas that the spec writes and say so", () => {
    const plan = planOf(smallSpecWith("type: triton", "type: triton\n    replicas: 4"));
    expect(groupNamed(plan, "tabular")).toMatchObject({
      replicas: 4,
      replicasFrom: "spec",
      explanation: { binding: "fixed" },
    });
  });

  test("may start as long as their weights take to read, at least ten minutes", () => {
    const plan = planOf(smallSpec);
    expect(groupNamed(plan, "tabular").startupSeconds).toBe(600);
    const chat = groupNamed(plan, "chat-llama-3-70b-premium");
    expect(chat.startupSeconds).toBe(Math.max(600, Math.ceil(chat.weightsGiB / 0.3) + 300));
  });
});

describe("a measured profile", () => {
  const given =
    "profiles: [{ accelerator: H100-80G, gpusPerReplica: 2, maxBatchSize: 32, alpha: 12ms, beta: 0.2ms, gamma: 10ms, delta: 0.05ms, weights: 132Gi, source: load test 2026-10 }]";
  const measuredPlan = () =>
    planOf(smallSpecWith("- name: llama-3-70b", `- name: llama-3-70b\n        ${given}`));

  test("wins over the estimate of the same shape, and its origin is carried into the plan", () => {
    const chat = groupNamed(measuredPlan(), "chat-llama-3-70b-premium");
    expect(chat.gpusPerReplica).toBe(2);
    expect(chat.models[0]).toMatchObject({
      parameters: { alphaMs: 12, betaMs: 0.2, gammaMs: 10, deltaMs: 0.05 },
      origin: { kind: "given", source: "load test 2026-10" },
    });
  });

  test("is enough for a model that nobody else knows", () => {
    const own = planOf(
      smallSpecWith(
        "- name: llama-3-70b",
        `- name: our-own\n        ${given.replace("maxBatchSize: 32", "maxBatchSize: 8")}`,
      ),
    );
    expect(groupNamed(own, "chat-our-own-premium")).toMatchObject({
      accelerator: "H100-80G",
      maxBatchSize: 8,
    });
  });
});

describe("nodes", () => {
  test("hold every replica exactly once, within what a node can allocate", async () => {
    for (const stack of ["dev", "test", "prod", "local"]) {
      const plan = planPlatform(await loadSpec(`stacks/${stack}.yaml`));
      const packed = new Map<string, number>();
      for (const pool of plan.nodePools) {
        expect(pool.nodes).toHaveLength(pool.desiredNodes);
        for (const node of pool.nodes) {
          const used = { cpuMillis: 0, memoryMiB: 0, gpuCount: 0 };
          for (const { group: name, count } of node.replicas) {
            const group = groupNamed(plan, name);
            expect(group.accelerator).toBe(pool.accelerator);
            used.cpuMillis += count * group.cpuMillis;
            used.memoryMiB += count * group.memoryMiB;
            used.gpuCount += count * group.gpusPerReplica;
            packed.set(name, (packed.get(name) ?? 0) + count);
          }
          expect(used.cpuMillis).toBeLessThanOrEqual(pool.allocatable.cpuMillis);
          expect(used.memoryMiB).toBeLessThanOrEqual(pool.allocatable.memoryMiB);
          expect(used.gpuCount).toBeLessThanOrEqual(pool.allocatable.gpuCount);
        }
      }
      expect(Object.fromEntries(packed)).toEqual(
        Object.fromEntries(plan.groups.map((group) => [group.name, group.replicas])),
      );
    }
  });

  test("cost what their groups' shares add up to", async () => {
    const plan = planPlatform(await loadSpec("stacks/prod.yaml"));
    const shares = plan.groups.reduce((sum, group) => sum + group.usdPerHour, 0);
    expect(shares).toBeCloseTo(plan.totals.usdPerHour, 6);
    expect(plan.nodePools.reduce((sum, pool) => sum + pool.usdPerHour, 0)).toBeCloseTo(
      plan.totals.usdPerHour,
      6,
    );
  });
});

test("every target of the shipped stacks holds in its plan, within the budget", async () => {
  for (const stack of ["dev", "test", "prod", "local"]) {
    const plan = planPlatform(await loadSpec(`stacks/${stack}.yaml`));
    expect(plan.unplaced).toEqual([]);
    expect(plan.totals.usdPerHour).toBeLessThanOrEqual(plan.budgetUsdPerHour ?? Number.POSITIVE_INFINITY);
    for (const { slo, prediction, id } of plan.servers) {
      expect(prediction?.latency.p95Ms, id).toBeLessThanOrEqual(slo.latencyP95Ms ?? Number.POSITIVE_INFINITY);
      expect(prediction?.ttft.p95Ms, id).toBeLessThanOrEqual(slo.ttftP95Ms ?? Number.POSITIVE_INFINITY);
      expect(prediction?.itl.meanMs, id).toBeLessThanOrEqual(slo.itlMeanMs ?? Number.POSITIVE_INFINITY);
    }
  }
});

test("the same platform gives the same plan whatever the order of its engines, models and traffic", () => {
  const spec = parsed(smallSpec);
  const shuffled = {
    ...spec,
    engines: spec.engines.toReversed().map((engine) => ({
      ...engine,
      models: engine.models.toReversed().map((model) => ({ ...model, traffic: model.traffic.toReversed() })),
    })),
  };
  expect(JSON.stringify(planPlatform(shuffled))).toBe(JSON.stringify(planPlatform(spec)));
});

test("quotas hold one pod more of every group, so that a rolling update is never blocked", () => {
  const plan = planOf(smallSpec);
  const expected = plan.groups.reduce((sum, group) => sum + (group.replicas + 1) * group.gpusPerReplica, 0);
  expect(plan.namespaces[0]?.quota.gpus).toBe(expected);
});

describe("a server that cannot be placed", () => {
  test("is named with the nearest misses, and the others are planned", () => {
    const plan = planOf(smallSpecWith("ttftP95: 2s", "ttftP95: 1ms"));
    expect(plan.totals).toMatchObject({ servers: 3, serversPlaced: 2 });
    expect(plan.unplaced[0]?.servers).toEqual(["chat/llama-3-70b/1/Premium"]);
    const [nearest] = plan.unplaced[0]?.misses ?? [];
    expect(nearest).toMatchObject({ accelerator: "H100-80G", constraint: "ttftP95", allowed: 1, unit: "ms" });
    expect(nearest?.reached).toBeGreaterThan(1);
  });

  test("is refused as PLAN_UNPLACEABLE by whoever needs all", () => {
    const plan = planOf(smallSpecWith("use: [L4, H100-80G]", "use: [L4]"));
    expect(() => requirePlaced(plan)).toThrow(PlatformError);
    expect(() => requirePlaced(plan)).toThrow(
      /^PLAN_UNPLACEABLE chat\/llama-3-70b\/1\/Premium cannot be placed/,
    );
  });

  test("by a limit says what the limit leaves", () => {
    const plan = planOf(
      smallSpecWith("use: [L4, H100-80G]", "use: [L4, H100-80G]\n  limits: { H100-80G: 1 }"),
    );
    expect(plan.unplaced[0]?.misses.some((miss) => miss.constraint === "capacity")).toBe(true);
  });
});

test("the routing table names every service class, most important first", async () => {
  expect(planOf(smallSpec).routes.serviceClasses).toEqual(["Premium", "Free"]);
  expect(planPlatform(await loadSpec("stacks/prod.yaml")).routes.serviceClasses).toEqual(["Premium", "Free"]);
});

test("quotas hold the proxy's pods twice, old and new side by side during its update", async () => {
  const plan = planPlatform(await loadSpec("stacks/prod.yaml"));
  const engines = plan.groups.reduce((pods, group) => pods + group.replicas + 1, 0);
  expect(plan.namespaces[0]?.quota.pods).toBe(engines + 2 * 3);
});

describe("GPU memory", () => {
  /** Five GiB of weights a model: three fit into the 20.16 usable GiB of an L4 beside the activations, five do not. */
  const models = (count: number, versions = "") =>
    Array.from(
      { length: count },
      (_, index) =>
        `      - { name: m${index}, ${versions}profiles: [{ accelerator: L4, maxBatchSize: 8, gamma: 5ms, delta: 1ms, weights: 5Gi, source: test }], traffic: [{ load: { rate: 1/min } }] }`,
    ).join("\n");
  const platformOf = (entries: string) => `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: shared, stage: local }
catalog: "2026-11"
accelerators: { use: [L4] }
domino: { datasets: [{ name: models, owner: o, project: p }] }
engines:
  - name: shared
    type: triton
    storage: { dataset: models, path: m }
    models:
${entries}
`;

  test("holds the weights of all models that share a replica", () => {
    expect(groupNamed(planOf(platformOf(models(3))), "shared").weightsGiB).toBe(15);
    const together = planOf(platformOf(models(5)).replace("type: triton", "type: triton\n    replicas: 1"));
    expect(together.groups).toEqual([]);
    expect(together.unplaced[0]?.misses[0]).toMatchObject({ constraint: "memory", reached: 26, unit: "GiB" });
  });

  test("decides how many models share a replica where nothing else does", () => {
    const { groups } = planOf(platformOf(models(5)));
    expect(groups.map(({ weightsGiB }) => weightsGiB).toSorted()).toEqual([10, 15]);
  });

  test("holds a model once for each version that is served side by side", () => {
    const versions = "versions: [{ version: 1, weight: 50 }, { version: 2, weight: 50 }], ";
    expect(groupNamed(planOf(platformOf(models(1, versions))), "shared").weightsGiB).toBe(10);
    expect(planOf(platformOf(models(2, versions))).groups.map(({ weightsGiB }) => weightsGiB)).toEqual([
      10, 10,
    ]);
  });

  test("bounds the batch, whatever larger one the spec asks for", () => {
    const batchOf = (text: string) => groupNamed(planOf(text), "chat-llama-3-70b-premium").maxBatchSize;
    const asked = (size: number) =>
      smallSpecWith("- name: llama-3-70b", `- name: llama-3-70b\n        maxBatchSize: ${size}`);
    expect(batchOf(asked(4096))).toBe(batchOf(smallSpec));
    expect(batchOf(asked(2))).toBe(2);
  });
});

test("the largest rate that a spec may name is planned", () => {
  const plan = planOf(smallSpecWith("rate: 600/min", "rate: 1000000/min"));
  expect(groupNamed(plan, "tabular").replicas).toBeGreaterThan(1);
});

describe("the plan of an engine", () => {
  test("has the defaults of its profile filled in", () => {
    const plan = planOf(smallSpec);
    expect(plan.engines).toEqual([
      {
        name: "chat",
        type: "vllm",
        protocol: "openai",
        namespace: "domino-inference-local",
        image: engineProfiles.vllm.image,
        pattern: "standalone",
        loading: "preload",
        storage: { kind: "s3", bucket: "acme-models", prefix: "llm", access: "stream" },
        options: engineProfiles.vllm.options.engine.parse({}),
        groups: ["chat-llama-3-70b-premium"],
      },
      {
        name: "tabular",
        type: "triton",
        protocol: "open-inference-v2",
        namespace: "domino-inference-local",
        image: engineProfiles.triton.image,
        pattern: "standalone",
        loading: "preload",
        options: engineProfiles.triton.options.engine.parse({}),
        storage: { kind: "dataset", dataset: "models", path: "models/pre-load" },
        groups: ["tabular"],
      },
    ]);
  });

  test("has what the spec writes instead", () => {
    const plan = planOf(
      smallSpecWith(
        "type: triton",
        "type: triton\n    image: own:1\n    loading: on-demand\n    namespace: own",
      ),
    );
    expect(plan.engines[1]).toMatchObject({ image: "own:1", loading: "on-demand", namespace: "own" });
  });

  test.each([
    ["s3://acme-models", ""],
    ["s3://acme-models/", ""],
    ["s3://acme-models/a/b", "a/b"],
    ["s3://acme-models/a/b/", "a/b"],
  ])("reads bucket and folder out of %s", (storage, prefix) => {
    const [chat] = planOf(smallSpecWith("s3://acme-models/llm", storage)).engines;
    expect(chat?.storage).toEqual({ kind: "s3", bucket: "acme-models", prefix, access: "stream" });
  });
});

describe("the plan of a platform", () => {
  test("says which platform it is for, at whose prices, with which budget", () => {
    expect(planOf(smallSpec)).toMatchObject({
      apiVersion: "domino-inference/v1",
      kind: "PlatformPlan",
      platform: "small",
      stage: "local",
      catalog: { version: "2026-11", pricesAsOf: expect.any(String), region: "us-east-1" },
    });
    expect(planOf(smallSpec)).not.toHaveProperty("budgetUsdPerHour");
    expect(planOf(`${smallSpec}budget: 50 USD/h\n`).budgetUsdPerHour).toBe(50);
  });

  test("is refused for a catalog that does not exist", () => {
    const spec = { ...parsed(smallSpec), catalog: "1999-01" };
    expect(() => planPlatform(spec)).toThrow(/^SPEC_CATALOG_UNKNOWN catalog: catalog "1999-01"/);
  });

  test("has its lists in order of their names, whatever the order of the spec", async () => {
    const plan = planPlatform(await loadSpec("stacks/local.yaml"));
    for (const named of [plan.engines, plan.groups, plan.nodePools, plan.routes.servers]) {
      const names = named.map(({ name }) => name);
      expect(names.length).toBeGreaterThan(1);
      expect(names).toEqual(names.toSorted());
    }
    const ids = plan.servers.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
  });

  test("adds up what its groups and nodes hold", async () => {
    const plan = planPlatform(await loadSpec("stacks/prod.yaml"));
    const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
    expect(plan.totals).toEqual({
      usdPerHour: expect.closeTo(sum(plan.nodePools.map((pool) => pool.usdPerHour)), 6),
      lowerBoundUsdPerHour: expect.any(Number),
      nodes: sum(plan.nodePools.map((pool) => pool.nodes.length)),
      gpus: sum(plan.nodePools.map((pool) => pool.nodes.length * pool.gpusPerNode)),
      gpusUsed: sum(plan.groups.map((group) => group.replicas * group.gpusPerReplica)),
      replicas: sum(plan.groups.map((group) => group.replicas)),
      servers: plan.servers.length,
      serversPlaced: plan.servers.length,
      sharing: {
        models: 2,
        groups: 1,
        separateUsdPerHour: expect.any(Number),
        savedUsdPerHour: expect.any(Number),
      },
    });
    expect(plan.totals.lowerBoundUsdPerHour).toBeLessThanOrEqual(plan.totals.usdPerHour);
    expect(plan.totals.lowerBoundUsdPerHour).toBeGreaterThan(0.99 * plan.totals.usdPerHour);
    expect(plan.totals.gpus).toBeGreaterThan(plan.totals.nodes);
    expect(plan.totals.gpusUsed).toBeGreaterThan(plan.totals.replicas);
  });

  test("says of every server where it runs and how fast, unless it has no place", () => {
    const placed = planOf(smallSpec).servers.find(({ engine }) => engine === "chat");
    expect(placed).toMatchObject({ task: "generation", group: "chat-llama-3-70b-premium" });
    const time = { meanMs: expect.any(Number), p95Ms: expect.any(Number), p99Ms: expect.any(Number) };
    expect(placed?.prediction).toEqual({ ttft: time, itl: time, latency: time });
    const unplaced = planOf(smallSpecWith("ttftP95: 2s", "ttftP95: 1ms")).servers.find(
      ({ engine }) => engine === "chat",
    );
    expect(unplaced).not.toHaveProperty("group");
    expect(unplaced).not.toHaveProperty("prediction");
    expect(unplaced).toMatchObject({ task: "generation", model: "llama-3-70b" });
  });

  test("predicts every server by its own load, also where several share replicas", () => {
    const text = smallSpecWith(
      "- load: { rate: 1/s }",
      "- load: { rate: 1/s }\n      - { name: distilbert-base, traffic: [{ load: { rate: 1/s } }] }",
    );
    const times = planOf(text)
      .servers.filter(({ engine }) => engine === "tabular")
      .map(({ prediction }) => prediction?.latency.meanMs);
    expect(times).toHaveLength(3);
    expect(new Set(times).size).toBe(2);
  });

  test("names for a group also the pool whose nodes it shares with another", () => {
    const plan = planOf(smallSpec);
    expect(plan.nodePools).toHaveLength(1);
    expect(plan.groups.map(({ nodePools }) => nodePools)).toEqual([
      ["small-p5-48xlarge"],
      ["small-p5-48xlarge"],
    ]);
  });

  test("names for every group the pools that its replicas lie on, and no others", async () => {
    const plan = planPlatform(await loadSpec("stacks/local.yaml"));
    expect(plan.nodePools).toHaveLength(2);
    for (const group of plan.groups) {
      const pools = plan.nodePools.filter(({ accelerator }) => accelerator === group.accelerator);
      expect(group.nodePools).toEqual(pools.map(({ name }) => name));
    }
  });
});

describe("replicas on the nodes of their accelerator", () => {
  const placements = (plan: PlatformPlan) =>
    Object.fromEntries(plan.groups.map((group) => [group.name, [group.accelerator, group.placement]]));

  test("are packed where larger ones need whole nodes of the same kind", () => {
    expect(placements(planOf(smallSpec))).toEqual({
      "chat-llama-3-70b-premium": ["H100-80G", "spread"],
      tabular: ["H100-80G", "pack"],
    });
  });

  test("are spread where larger ones lie on another kind, and where all are of one size", async () => {
    expect(placements(planPlatform(await loadSpec("stacks/local.yaml")))).toEqual({
      "chat-llama-3-70b-premium": ["A10G", "spread"],
      "triton-domino-ondemand-load-inference": ["L4", "spread"],
      "triton-domino-pre-load-inference": ["L4", "spread"],
    });
  });
});

describe("the shipped stacks", () => {
  test.each([
    ["dev", "1 of 4x L40S", 12.1],
    ["test", "1 of 4x A100-80G", 27.45],
    ["prod", "2 of 4x H100-80G", 56.65],
  ])("plan chat on %s as recorded in their golden files: %s", async (stack, shape, usdPerHour) => {
    const plan = planPlatform(await loadSpec(`stacks/${stack}.yaml`));
    const { replicas, gpusPerReplica, accelerator } = groupNamed(plan, "chat-llama-3-70b-premium");
    expect(`${replicas} of ${gpusPerReplica}x ${accelerator}`).toBe(shape);
    expect(plan.totals.usdPerHour).toBeCloseTo(usdPerHour, 2);
  });
});
