import { describe, expect, it } from "vitest";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { certain } from "../../../optimizer/certain.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";
import { computeMsPerToken } from "../../../optimizer/profiles/roofline.ts";

const model = (name: string) => certain(newestCatalog.models.find((one) => one.name === name));
const partial = (name: string) =>
  certain(newestCatalog.partial.accelerators.find((accelerator) => accelerator.name === name));
const h100 = certain(newestCatalog.accelerators.find(({ name }) => name === "H100-80G"));
const options = { inputTokens: 512, outputTokens: 128 };

describe("estimates on slices of cards", () => {
  it("are for one slice a replica, as slices cannot exchange activations", () => {
    const { profiles, excluded } = estimateProfiles(
      model("llama-3-8b"),
      newestCatalog.partial.accelerators,
      options,
    );
    expect(profiles.length).toBeGreaterThan(0);
    expect([...profiles, ...excluded].map(({ accelerator }) => accelerator).toSorted()).toEqual(
      newestCatalog.partial.accelerators.map(({ name }) => name).toSorted(),
    );
    for (const { gpusPerReplica } of [...profiles, ...excluded]) expect(gpusPerReplica).toBe(1);
  });

  it("need the slice's memory to hold the model", () => {
    const { profiles, excluded } = estimateProfiles(
      model("llama-3-8b"),
      [partial("H100-80G-1g.10gb"), partial("H100-80G-2g.20gb")],
      options,
    );
    expect(profiles.map(({ accelerator }) => accelerator)).toEqual(["H100-80G-2g.20gb"]);
    expect(excluded).toMatchObject([
      { accelerator: "H100-80G-1g.10gb", constraint: "memory", allowed: 9, unit: "GiB" },
    ]);
  });

  it("read as slowly as the slice's share of the bandwidth, and keep their uncertainty", () => {
    const [whole] = estimateProfiles(model("bert-base"), [h100], options).profiles;
    const [slice] = estimateProfiles(model("bert-base"), [partial("H100-80G-1g.10gb")], options).profiles;
    const launchMs = 1;
    expect((certain(slice).gammaMs - launchMs) / (certain(whole).gammaMs - launchMs)).toBeCloseTo(8, 9);
    expect(certain(slice).deltaMs / certain(whole).deltaMs).toBeCloseTo(7, 9);
    expect(certain(slice).origin).toEqual(certain(whole).origin);
  });
});

describe("estimates on CPU", () => {
  it("take the throughput of 32-bit weights that the accelerator says, not a part of the 16-bit one", () => {
    const cpu = partial("CPU");
    const bert = model("bert-base");
    const halfPrecision = { ...bert, bytesPerWeight: 2 };
    const ratio = certain(cpu.dense32BitTflops) / cpu.dense16BitTflops;
    expect(computeMsPerToken(halfPrecision, cpu, 1) / computeMsPerToken(bert, cpu, 1)).toBeCloseTo(ratio, 9);
    expect(computeMsPerToken(halfPrecision, h100, 1) / computeMsPerToken(bert, h100, 1)).toBeCloseTo(
      1 / 4,
      9,
    );
  });
});
