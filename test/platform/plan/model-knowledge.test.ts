import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { modelKnowledge } from "../../../platform/plan/model-knowledge.ts";
import type { ModelSpec } from "../../../platform/spec/schema.ts";

const catalog = catalogOf("2026-11");
const llama = catalog?.models.find(({ name }) => name === "llama-3-8b");
if (!catalog || !llama) throw new Error("the catalog has no llama-3-8b");
const accelerators = catalog.accelerators.filter(({ name }) => name === "T4" || name === "L40S");
const sequence = { inputTokens: 512, outputTokens: 128 };
const knownOf = (model: Partial<ModelSpec>, engine: "triton" | "vllm" = "vllm") =>
  modelKnowledge(
    { name: "mine", traffic: [], ...model },
    engineProfiles[engine],
    catalog,
    accelerators,
    sequence,
  );
const measured = {
  accelerator: "L40S",
  gpusPerReplica: 2,
  maxBatchSize: 32,
  gamma: 10,
  delta: 0.05,
  source: "load test",
};

describe("what is known of a model", () => {
  test("is the estimate of the network it is based on, under its own name, with what is too small", () => {
    const estimate = estimateProfiles(llama, accelerators, sequence);
    expect(estimate.excluded.length).toBeGreaterThan(0);
    expect(knownOf({ base: "llama-3-8b" })).toStrictEqual({
      profiles: estimate.profiles.map((profile) => ({ ...profile, model: "mine" })),
      excluded: estimate.excluded,
      maxSequenceTokens: 8192,
      // Keys and values of 8 heads of 128 values of 2 bytes, in 32 layers.
      keyValueGiBPerToken: (2 * 8 * 128 * 2 * 32) / 2 ** 30,
    });
    expect(knownOf({ name: "llama-3-8b" }).profiles).toStrictEqual(estimate.profiles);
  });

  test("is the written network before the catalog's", () => {
    const written = {
      task: "generation",
      parameters: 1e9,
      layers: 16,
      kvHeads: 4,
      headDimension: 64,
      bytesPerWeight: 2,
      maxSequenceTokens: 2048,
      source: "model card",
    } as const;
    const { profiles } = estimateProfiles(
      {
        name: "mine",
        task: "generation",
        parameterCount: 1e9,
        layerCount: 16,
        kvHeadCount: 4,
        headDimension: 64,
        bytesPerWeight: 2,
        maxSequenceTokens: 2048,
        source: "model card",
      },
      accelerators,
      sequence,
    );
    expect(knownOf({ base: "llama-3-8b", architecture: written })).toStrictEqual({
      profiles,
      excluded: [],
      maxSequenceTokens: 2048,
      keyValueGiBPerToken: (2 * 4 * 64 * 2 * 16) / 2 ** 30,
    });
  });

  test("is, for one forward pass a request, a sequence of one and the time of the tokens in a request", () => {
    const written = (tokensPerRequest?: number) => ({
      task: "request-response" as const,
      parameters: 1e8,
      layers: 12,
      kvHeads: 12,
      headDimension: 64,
      bytesPerWeight: 2,
      maxSequenceTokens: 512,
      source: "model card",
      ...(tokensPerRequest === undefined ? {} : { tokensPerRequest }),
    });
    const timeOf = (tokensPerRequest?: number) =>
      knownOf({ architecture: written(tokensPerRequest) }, "triton").profiles[0]?.deltaMs ?? 0;
    expect(knownOf({ architecture: written() }, "triton").maxSequenceTokens).toBe(1);
    expect(timeOf(128)).toBeCloseTo(128 * timeOf(), 9);
  });

  test("is measured before it is estimated, shape by shape", () => {
    const estimate = knownOf({ base: "llama-3-8b" });
    const known = knownOf({ base: "llama-3-8b", profiles: [{ ...measured, alpha: 12, beta: 0.2 }] });
    const shapes = (all: typeof known.profiles) =>
      all.map((profile) => `${profile.accelerator} ${profile.gpusPerReplica}`);
    expect(known.profiles[0]).toStrictEqual({
      model: "mine",
      accelerator: "L40S",
      gpusPerReplica: 2,
      maxBatchSize: 32,
      alphaMs: 12,
      betaMs: 0.2,
      gammaMs: 10,
      deltaMs: 0.05,
      weightsGiB: (llama.parameterCount * 2) / 2 ** 30,
      origin: { kind: "given", source: "load test", uncertaintyFraction: 0 },
    });
    expect(shapes(known.profiles).toSorted()).toStrictEqual(shapes(estimate.profiles).toSorted());
    expect(known.profiles.slice(1)).toStrictEqual(
      estimate.profiles.filter((profile) => shapes([profile])[0] !== "L40S 2"),
    );
  });

  test("is measured also where the estimate says that it does not fit", () => {
    const [tooSmall] = knownOf({ base: "llama-3-8b" }).excluded;
    const { accelerator = "", gpusPerReplica = 0 } = tooSmall ?? {};
    const known = knownOf({ base: "llama-3-8b", profiles: [{ ...measured, accelerator, gpusPerReplica }] });
    expect(known.excluded).not.toContainEqual(tooSmall);
    expect(known.excluded).toHaveLength(knownOf({ base: "llama-3-8b" }).excluded.length - 1);
  });

  test("is what was measured alone where nobody knows the network, with no limit to its sequences", () => {
    expect(knownOf({ profiles: [{ ...measured, weights: 7 }] })).toStrictEqual({
      profiles: [
        {
          model: "mine",
          accelerator: "L40S",
          gpusPerReplica: 2,
          maxBatchSize: 32,
          alphaMs: 0,
          betaMs: 0,
          gammaMs: 10,
          deltaMs: 0.05,
          weightsGiB: 7,
          origin: { kind: "given", source: "load test", uncertaintyFraction: 0 },
        },
      ],
      excluded: [],
    });
    expect(knownOf({ profiles: [measured] }).profiles[0]?.weightsGiB).toBe(0);
    expect(knownOf({})).toStrictEqual({ profiles: [], excluded: [] });
  });
});
