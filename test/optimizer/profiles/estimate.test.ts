import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import type { Accelerator } from "../../../optimizer/catalog/catalog.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";

const chat = { inputTokens: 1024, outputTokens: 256 };
const model = (name: string) => certain(newestCatalog.models.find((one) => one.name === name));
const estimates = (name: string, options = chat) =>
  estimateProfiles(model(name), newestCatalog.accelerators, options);
const shape = (name: string, accelerator: string, gpus: number, options = chat) =>
  certain(
    estimates(name, options).profiles.find(
      (one) => one.accelerator === accelerator && one.gpusPerReplica === gpus,
    ),
  );
const itlMs = (one: { readonly alphaMs: number; readonly betaMs: number }) => one.alphaMs + one.betaMs;

describe("estimated profiles", () => {
  it.each([
    ["H100-80G", 4, 15, 25],
    ["A100-80G", 8, 20, 30],
  ])("put llama-3-70b on %s x %i where people measure it", (accelerator, gpus, leastMs, mostMs) => {
    const one = itlMs(shape("llama-3-70b", accelerator, gpus));
    expect(one).toBeGreaterThan(leastMs);
    expect(one).toBeLessThan(mostMs);
  });

  it.each([["T4"], ["L4"]])("put bert-base on a %s at some milliseconds a request", (accelerator) => {
    const { gammaMs, deltaMs, alphaMs, betaMs } = shape("bert-base", accelerator, 1);
    expect(gammaMs + deltaMs).toBeGreaterThan(2);
    expect(gammaMs + deltaMs).toBeLessThan(8);
    expect([alphaMs, betaMs]).toEqual([0, 0]);
  });

  it("exclude shapes whose memory cannot hold the weights and one sequence, and say how much is short", () => {
    const { profiles, excluded } = estimates("llama-3-70b");
    expect(
      profiles.some(({ accelerator, gpusPerReplica }) => accelerator === "H100-80G" && gpusPerReplica === 1),
    ).toBe(false);
    const one = certain(
      excluded.find(({ accelerator, gpusPerReplica }) => accelerator === "H100-80G" && gpusPerReplica === 1),
    );
    expect(one).toMatchObject({ subject: "llama-3-70b", constraint: "memory", allowed: 72, unit: "GiB" });
    expect(one.reached).toBeGreaterThan(131);
    expect(profiles.length + excluded.length).toBe(4 * newestCatalog.accelerators.length);
  });

  it("keep batch and weights within the memory that an engine may claim", () => {
    for (const { accelerator, gpusPerReplica, maxBatchSize, weightsGiB } of estimates("llama-3-8b")
      .profiles) {
      const { memoryGiB } = certain(newestCatalog.accelerators.find(({ name }) => name === accelerator));
      // 128 KiB of keys and values a token in 32 layers of 8 heads.
      const kvGiB = (maxBatchSize * 1280 * 128) / 2 ** 20;
      expect(weightsGiB + kvGiB).toBeLessThanOrEqual(0.9 * memoryGiB * gpusPerReplica);
      expect(maxBatchSize).toBeGreaterThanOrEqual(1);
      expect(maxBatchSize).toBeLessThanOrEqual(256);
    }
  });

  it("hold fewer of longer sequences", () => {
    const long = shape("llama-3.1-8b", "A10G", 1, { inputTokens: 8000, outputTokens: 1000 });
    expect(long.maxBatchSize).toBeLessThan(shape("llama-3.1-8b", "A10G", 1).maxBatchSize);
    expect(long.betaMs).toBeGreaterThan(shape("llama-3.1-8b", "A10G", 1).betaMs);
  });

  it("read faster from more cards and from faster memory", () => {
    expect(itlMs(shape("llama-3-70b", "H100-80G", 4))).toBeLessThan(
      itlMs(shape("llama-3-70b", "H100-80G", 2)),
    );
    expect(itlMs(shape("llama-3-70b", "H200-141G", 4))).toBeLessThan(
      itlMs(shape("llama-3-70b", "H100-80G", 4)),
    );
  });

  it("prefill slower where cards are linked by PCIe only", () => {
    const linked: Accelerator = certain(newestCatalog.accelerators.find(({ name }) => name === "A100-80G"));
    const deltaOf = (accelerator: Accelerator) =>
      certain(estimateProfiles(model("llama-3-70b"), [accelerator], chat).profiles.at(-1)).deltaMs;
    const { linkBandwidthGBps: _, ...unlinked } = linked;
    expect(deltaOf(unlinked)).toBeGreaterThan(deltaOf(linked));
  });

  it("are marked as estimates with their uncertainty", () => {
    for (const { origin } of estimates("qwen3-32b").profiles) {
      expect(origin).toMatchObject({ kind: "estimate", uncertaintyFraction: 0.5 });
    }
  });
});
