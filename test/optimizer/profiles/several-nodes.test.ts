import { describe, expect, it } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import type { ModelArchitecture } from "../../../optimizer/catalog/catalog.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { predictGeneration } from "../../../optimizer/models/continuous-batching/predict.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";
import { dividesHeads, headsMiss } from "../../../optimizer/profiles/tensor-parallel.ts";
import type { PerformanceProfile } from "../../../optimizer/profiles/performance-profile.ts";

const chat = { inputTokens: 1024, outputTokens: 256 };
const h100 = newestCatalog.accelerators.filter(({ name }) => name === "H100-80G");
const llama70b = certain(newestCatalog.models.find(({ name }) => name === "llama-3.1-70b"));
/** 755 GiB of weights: more than the 576 that 8 cards of 80 GiB may use. */
const large: ModelArchitecture = {
  ...llama70b,
  name: "llama-3.1-405b",
  parameterCount: 405_853_388_800,
  layerCount: 126,
  attentionHeadCount: 128,
};

const estimated = (model: ModelArchitecture, nodesPerReplica: number, gpusPerReplica?: number) =>
  estimateProfiles(model, h100, {
    ...chat,
    nodesPerReplica,
    ...(gpusPerReplica === undefined ? {} : { gpusPerReplica }),
  });
const only = (model: ModelArchitecture, nodes: number, gpus: number): PerformanceProfile =>
  certain(estimated(model, nodes, gpus).profiles[0]);
const saturation = ({ alphaMs, betaMs, gammaMs, deltaMs, maxBatchSize }: PerformanceProfile) =>
  predictGeneration(
    {
      parameters: { alphaMs, betaMs, gammaMs, deltaMs },
      maxBatchSize,
      maxBatchedTokens: 8192,
      traffic: [{ share: 1, ...chat, outputDistribution: "geometric" }],
    },
    0.001,
  ).saturationPerSecond;

describe("an estimate over several nodes", () => {
  it("counts the memory of all cards", () => {
    expect(estimated(large, 1).profiles).toEqual([]);
    const { profiles, excluded } = estimated(large, 2);
    expect(profiles.map(({ gpusPerReplica }) => gpusPerReplica)).toEqual([16]);
    expect(certain(profiles[0]).weightsGiB).toBeCloseTo(756, 0);
    expect(excluded.map(({ gpusPerReplica, nodesPerReplica }) => [gpusPerReplica, nodesPerReplica])).toEqual([
      [2, 2],
      [4, 2],
      [8, 2],
    ]);
  });

  it("decodes and reads a request alone no faster than one of its nodes would, were its memory enough", () => {
    for (const tensorDegree of [1, 2, 4, 8]) {
      // Three quarters of the weights of a card of one node fit anywhere.
      const small = { ...llama70b, parameterCount: 20e9 };
      const one = only(small, 1, tensorDegree);
      for (const nodes of [2, 3, 4]) {
        const several = only(small, nodes, nodes * tensorDegree);
        expect(several.alphaMs + several.betaMs).toBeGreaterThan(one.alphaMs + one.betaMs);
        expect(several.gammaMs + 1024 * several.deltaMs).toBeGreaterThan(one.gammaMs + 1024 * one.deltaMs);
        expect(several.betaMs).toBeLessThan(one.betaMs);
      }
    }
  });

  it("carries more requests a second than one node, and fewer than as many replicas of one node", () => {
    const small = { ...llama70b, parameterCount: 20e9 };
    const one = saturation(only(small, 1, 4));
    const two = saturation(only(small, 2, 8));
    expect(two).toBeGreaterThan(1.1 * one);
    expect(two).toBeLessThan(2 * one);
  });

  it("is less certain than one on one node, and says what it took the nodes for", () => {
    const { origin } = only(large, 2, 16);
    expect(origin.uncertaintyFraction).toBeCloseTo(0.7, 9);
    expect(origin.source).toContain("2 nodes as stages of a pipeline");
    expect(only(llama70b, 1, 8).origin.uncertaintyFraction).toBe(0.5);
  });

  it("reads the experts that the sequences of one stage touch", () => {
    const experts = { count: 8, perToken: 2, parameterCount: 340e9 };
    const { origin, alphaMs } = only({ ...large, experts }, 2, 16);
    expect(origin.uncertaintyFraction).toBeGreaterThan(0.7);
    expect(alphaMs).toBeLessThan(only(large, 2, 16).alphaMs);
  });

  it("does not exist for cards that do not divide by the nodes, nor for slices and request/response models", () => {
    expect(estimated(llama70b, 2, 9)).toEqual({ profiles: [], excluded: [] });
    const slices = newestCatalog.partial.accelerators;
    const small = { ...llama70b, parameterCount: 1e9 };
    expect(estimateProfiles(small, slices, { ...chat, nodesPerReplica: 2 }).profiles).toEqual([]);
    const bert = certain(newestCatalog.models.find(({ name }) => name === "bert-base"));
    expect(estimateProfiles(bert, h100, { ...chat, nodesPerReplica: 2 }).profiles).toEqual([]);
  });
});

describe("attention heads", () => {
  it.each([
    [32, 8, [1, 2, 4, 8, 16, 32]],
    [28, 4, [1, 2, 4, 28]],
    [40, 40, [1, 2, 4, 5, 8, 10, 20, 40]],
    [71, 1, [1, 71]],
    [undefined, 8, [1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 72]],
  ])(
    "of %s with %i of keys and values divide over just these cards",
    (attentionHeads, kvHeadCount, cards) => {
      const model = {
        kvHeadCount,
        ...(attentionHeads === undefined ? {} : { attentionHeadCount: attentionHeads }),
      };
      const dividing = Array.from({ length: 72 }, (_, index) => index + 1).filter((count) =>
        dividesHeads(model, count),
      );
      expect(dividing).toEqual(cards);
    },
  );

  it("that do not divide over the cards of a node exclude the shape and name the next lower number", () => {
    const model = { ...llama70b, attentionHeadCount: 28, kvHeadCount: 4 };
    expect(estimated(model, 1, 8)).toEqual({
      profiles: [],
      excluded: [
        {
          accelerator: "H100-80G",
          gpusPerReplica: 8,
          subject: "llama-3.1-70b",
          constraint: "heads",
          allowed: 4,
          reached: 8,
          unit: "GPU",
        },
      ],
    });
    expect(headsMiss(model, 4)).toBeUndefined();
  });

  it("decide over the cards of one node, not over those of the replica", () => {
    const model = { ...llama70b, attentionHeadCount: 20, kvHeadCount: 4 };
    expect(estimated(model, 1, 8).profiles).toEqual([]);
    expect(estimated(model, 2, 8).profiles).toHaveLength(1);
  });

  it("divide over the cards of every estimated shape of the catalog's models", () => {
    for (const model of newestCatalog.models) {
      const { excluded } = estimateProfiles(model, newestCatalog.accelerators, chat);
      expect(excluded.filter(({ constraint }) => constraint === "heads")).toEqual([]);
    }
  });
});
