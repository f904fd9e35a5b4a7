import { describe, expect, it } from "vitest";
import type { Accelerator, InstanceType } from "../../../optimizer/catalog/catalog.ts";
import { cpuShares } from "../../../optimizer/catalog/cpu-shares.ts";
import { migSlices } from "../../../optimizer/catalog/mig-slices.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { certain } from "../../../optimizer/certain.ts";

const card: Accelerator = {
  name: "Z-80G",
  memoryGiB: 80,
  memoryBandwidthGBps: 1600,
  dense16BitTflops: 700,
  linkBandwidthGBps: 300,
  source: "datasheet",
};
const node: InstanceType = {
  name: "z.8",
  accelerator: "Z-80G",
  gpuCount: 8,
  vcpuCount: 96,
  memoryGiB: 1152,
  maxPodCount: 100,
  usdPerHour: 30,
};

describe("slices of a card", () => {
  const other = { ...card, name: "Y" };
  const { accelerators, instanceTypes } = migSlices(
    ["Z-80G"],
    [card, other],
    [node, { ...node, name: "y.8", accelerator: "Y" }],
  );

  it("have sevenths of its compute, eighths of its memory and bandwidth, and no link to each other", () => {
    expect(accelerators.map(({ source: _, ...slice }) => slice)).toEqual([
      {
        name: "Z-80G-1g.10gb",
        device: { kind: "mig", profile: "1g.10gb", card: "Z-80G", perCard: 7 },
        memoryGiB: 10,
        memoryBandwidthGBps: 200,
        dense16BitTflops: 100,
      },
      {
        name: "Z-80G-2g.20gb",
        device: { kind: "mig", profile: "2g.20gb", card: "Z-80G", perCard: 3 },
        memoryGiB: 20,
        memoryBandwidthGBps: 400,
        dense16BitTflops: 200,
      },
      {
        name: "Z-80G-3g.40gb",
        device: { kind: "mig", profile: "3g.40gb", card: "Z-80G", perCard: 2 },
        memoryGiB: 40,
        memoryBandwidthGBps: 800,
        dense16BitTflops: 300,
      },
    ]);
    for (const { source } of accelerators) expect(source).toContain("datasheet");
  });

  it("come on the card's instance types at the price of the whole node", () => {
    expect(instanceTypes).toEqual([
      { ...node, accelerator: "Z-80G-1g.10gb", gpuCount: 56 },
      { ...node, accelerator: "Z-80G-2g.20gb", gpuCount: 24 },
      { ...node, accelerator: "Z-80G-3g.40gb", gpuCount: 16 },
    ]);
  });

  it("never hold more than their card together", () => {
    for (const { device, memoryGiB, dense16BitTflops } of accelerators) {
      if (device.kind !== "mig") throw new Error("not a slice");
      expect(device.perCard * memoryGiB).toBeLessThanOrEqual(card.memoryGiB);
      expect(device.perCard * dense16BitTflops).toBeLessThanOrEqual(card.dense16BitTflops);
    }
  });

  it("are named in the catalog as NVIDIA names those of A100 and H100", () => {
    expect(
      newestCatalog.partial.accelerators.flatMap(({ name, device }) => (device.kind === "mig" ? [name] : [])),
    ).toEqual(
      ["A100-40G-1g.5gb", "A100-40G-2g.10gb", "A100-40G-3g.20gb"].concat(
        ["A100-80G", "H100-80G"].flatMap((name) =>
          ["1g.10gb", "2g.20gb", "3g.40gb"].map((one) => `${name}-${one}`),
        ),
      ),
    );
  });
});

describe("a share of a CPU node", () => {
  it("has the bandwidth and throughput of three of a socket's 96 vCPUs", () => {
    const share = certain(cpuShares.accelerators[0]);
    expect(share.device).toEqual({ kind: "cpu", cpuMillis: 3000 });
    expect(share.memoryBandwidthGBps).toBeCloseTo((307.2 * 3) / 96, 9);
    expect(share.dense16BitTflops).toBeCloseTo(1.5 * 1.024 * 3.2, 9);
    expect(share.dense32BitTflops).toBeCloseTo(1.5 * 0.064 * 3.2, 9);
  });

  it("is four vCPUs of a node, at one price a share on all sizes", () => {
    for (const { vcpuCount, gpuCount, memoryGiB, usdPerHour } of cpuShares.instanceTypes) {
      expect(gpuCount).toBe(vcpuCount / 4);
      expect(memoryGiB).toBe(16 * gpuCount);
      expect(usdPerHour / gpuCount).toBeCloseTo(0.2016, 9);
    }
  });
});
