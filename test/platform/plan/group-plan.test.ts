import { describe, expect, test } from "vitest";
import type { Candidate } from "../../../optimizer/allocation.ts";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { groupDrafts } from "../../../platform/plan/group-drafts.ts";
import { groupPlan } from "../../../platform/plan/group-plan.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const catalog = catalogOf("2026-11");
if (!catalog) throw new Error("the catalog is missing");
const hardware = catalog.accelerators.filter(({ name }) => ["L4", "H100-80G"].includes(name));
const draftOf = (name: string, text = smallSpec) => {
  const drafts = groupDrafts(parsed(text), catalog, hardware);
  const draft = drafts.find((candidate) => candidate.name === name);
  if (!draft) throw new Error(`no draft ${name}; there are ${drafts.map((one) => one.name).join(", ")}`);
  return draft;
};
const chat = "chat-llama-3-70b-premium";

const candidate = (change: Partial<Candidate> = {}): Candidate => ({
  accelerator: "H100-80G",
  gpusPerReplica: 4,
  replicas: 2,
  maxBatchSize: 64,
  weightsGiB: 131.5,
  utilisation: 0.25,
  maxRequestsPerMinutePerReplica: 90,
  predictions: [],
  binding: "slo",
  bindingSlo: { workload: "chat/llama-3-70b/1/Premium", target: "itlMean" },
  gpuUsdPerHour: 30,
  origins: [],
  ...change,
});

function planned(
  chosen = candidate(),
  alternatives: readonly { candidate: Candidate; extraUsdPerHour: number }[] = [],
  draft = draftOf(chat),
) {
  return groupPlan({
    draft,
    name: draft.name,
    allocation: { group: draft.name, chosen, alternatives },
    part: chosen,
    namespace: "llm",
    usdPerHour: 42,
    nodePools: ["small-p5"],
    placement: "pack",
  });
}

describe("the plan of a group", () => {
  test("holds what was chosen, what the engine needs for it, and where it lies", () => {
    expect(planned()).toEqual({
      name: chat,
      engine: "chat",
      engineType: "vllm",
      namespace: "llm",
      models: [
        {
          name: "llama-3-70b",
          versions: [{ version: "1", weight: 100 }],
          parameters: {
            alphaMs: expect.any(Number),
            betaMs: expect.any(Number),
            gammaMs: expect.any(Number),
            deltaMs: expect.any(Number),
          },
          task: "generation",
          maxSequenceTokens: 8192,
          options: expect.any(Object),
          // Published for another engine on the same cards.
          origin: expect.objectContaining({
            kind: "measured",
            source: expect.stringMatching(/^measured on /),
          }),
        },
      ],
      serviceClasses: ["Premium"],
      accelerator: "H100-80G",
      gpusPerReplica: 4,
      nodesPerReplica: 1,
      replicas: 2,
      replicasOwner: "plan",
      environment: {},
      arguments: [],
      replicasFrom: "optimizer",
      maxBatchSize: 64,
      cpuMillis: 10_000,
      memoryMiB: 4 * 4_096 + 4 * 4_096 + 8_192,
      sharedMemoryMiB: 4 * 4_096,
      startupSeconds: 739,
      weightsGiB: 131.5,
      utilisation: 0.25,
      maxRequestsPerMinutePerReplica: 90,
      requestsPerMinute: 60,
      usdPerHour: 42,
      nodePools: ["small-p5"],
      placement: "pack",
      explanation: {
        binding: "slo",
        bindingSlo: { workload: "chat/llama-3-70b/1/Premium", target: "itlMean" },
      },
    });
  });

  test("takes the parameters of the model's profile on the chosen shape", () => {
    const draft = draftOf(chat);
    for (const gpusPerReplica of [4, 8]) {
      const profile = draft.demand.profiles.find(
        (one) => one.accelerator === "H100-80G" && one.gpusPerReplica === gpusPerReplica,
      );
      const { alphaMs, betaMs, gammaMs, deltaMs } = profile ?? {};
      expect(planned(candidate({ gpusPerReplica })).models[0]?.parameters).toEqual({
        alphaMs,
        betaMs,
        gammaMs,
        deltaMs,
      });
    }
  });

  test("takes for each of several models the parameters of its own profile", () => {
    const text = smallSpecWith(
      "- load: { rate: 1/s }",
      "- load: { rate: 1/s }\n      - { name: distilbert-base, traffic: [{ load: { rate: 1/s } }] }",
    );
    const draft = draftOf("tabular", text);
    const { models } = planned(candidate({ accelerator: "L4", gpusPerReplica: 1 }), [], draft);
    expect(models.map(({ name, parameters }) => [name, parameters.gammaMs])).toEqual(
      ["bert-base", "distilbert-base"].map((name) => [
        name,
        draft.demand.profiles.find((one) => one.model === name && one.accelerator === "L4")?.gammaMs,
      ]),
    );
    expect(models[0]?.parameters.gammaMs).not.toBe(models[1]?.parameters.gammaMs);
  });

  test("cannot be made for a shape that the model has no profile of", () => {
    expect(() => planned(candidate({ gpusPerReplica: 3 }))).toThrow(
      new RangeError("llama-3-70b has no profile for the chosen H100-80G"),
    );
    expect(() => planned(candidate({ accelerator: "L4", gpusPerReplica: 1 }))).toThrow(RangeError);
  });

  test("names the alternative that adds least, and no SLO where none bound", () => {
    const alternative = (replicas: number, extraUsdPerHour: number) => ({
      candidate: candidate({ replicas, accelerator: "L4", gpusPerReplica: 8 }),
      extraUsdPerHour,
    });
    const { bindingSlo: _, ...unbound } = candidate({ binding: "minimum" });
    const { explanation } = planned(unbound, [alternative(5, 9), alternative(3, 2), alternative(4, 7)]);
    expect(explanation).toEqual({
      binding: "minimum",
      nextBest: { accelerator: "L4", gpusPerReplica: 8, replicas: 3, extraUsdPerHour: 2 },
    });
  });

  test.each([
    [0.1, 600],
    [90, 600],
    [90.1, 601],
    [2_069.9, 7_200],
    [2_071, 7_200],
  ])(
    "gives a replica of %d GiB the time to read it, between ten minutes and two hours",
    (weightsGiB, seconds) => {
      expect(planned(candidate({ weightsGiB })).startupSeconds).toBe(seconds);
    },
  );

  test("bounds sequences by what fits into the cache beside each other, where only measurements are given", () => {
    const given =
      "profiles: [{ accelerator: H100-80G, gpusPerReplica: 4, maxBatchSize: 8, gamma: 1ms, delta: 1ms, source: x }]";
    const draft = draftOf(
      "chat-mine-premium",
      smallSpecWith("- name: llama-3-70b", `- name: mine\n        ${given}`),
    );
    expect(planned(candidate(), [], draft).models[0]).toMatchObject({
      maxSequenceTokens: (512 + 128) * 8,
      origin: { kind: "given", source: "x" },
    });
  });

  test("lists its classes, most important first, each once", () => {
    const classes = "- { name: Premium, priority: 1 }\n  - { name: Batch, priority: 50 }";
    const text = smallSpecWith("- { name: Premium, priority: 1 }", classes).replace(
      "          - load: { rate: 1/s }",
      "          - load: { rate: 1/s }\n          - { serviceClass: Batch, load: { rate: 1/s } }\n      - name: distilbert-base\n        traffic: [{ load: { rate: 1/s } }]",
    );
    const draft = draftOf("tabular", text);
    expect(planned(candidate({ accelerator: "L4", gpusPerReplica: 1 }), [], draft).serviceClasses).toEqual([
      "Premium",
      "Batch",
      "Free",
    ]);
  });
});
