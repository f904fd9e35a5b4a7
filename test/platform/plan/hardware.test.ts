import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { allowedHardware } from "../../../platform/plan/hardware.ts";
import { parsed, smallSpecWith } from "../../support/spec-fixture.ts";

const catalog = catalogOf("2026-11");
if (!catalog) throw new Error("the catalog is missing");
const use = "use: [L4, H100-80G]";
const hardwareOf = (accelerators: string) =>
  allowedHardware(parsed(smallSpecWith(use, accelerators)), catalog);

describe("the hardware of a platform", () => {
  test("is all of the catalog, unlimited, where the spec says nothing", () => {
    const { accelerators: _, ...bare } = parsed(smallSpecWith(use, use));
    expect(allowedHardware(bare, catalog)).toEqual({
      accelerators: catalog.accelerators,
      instanceTypes: catalog.instanceTypes,
      gpuLimits: {},
      nodeOptions: {},
    });
  });

  test("is what the spec uses, with the instance types that carry it", () => {
    const { accelerators, instanceTypes } = hardwareOf("use: [L4]\n  limits: { L4: 3 }");
    expect(accelerators.map(({ name }) => name)).toEqual(["L4"]);
    expect(instanceTypes).toEqual(catalog.instanceTypes.filter(({ accelerator }) => accelerator === "L4"));
    expect(instanceTypes.length).toBeGreaterThan(1);
    expect(hardwareOf("use: [L4]\n  limits: { L4: 3 }").gpuLimits).toEqual({ L4: 3 });
  });

  test("holds the spec's own accelerators in the catalog's units, unless it does not use them", () => {
    const custom =
      "custom: [{ name: X1, memory: 128Gi, memoryBandwidth: 3.2 TB/s, dense16BitTflops: 362, source: datasheet, instanceTypes: [{ name: own.large, gpus: 8, vcpus: 96, memory: 1Ti, maxPods: 50, price: 12 USD/h }] }]";
    const { accelerators, instanceTypes } = hardwareOf(`use: [X1, L4]\n  ${custom}`);
    expect(accelerators.map(({ name }) => name)).toEqual(["L4", "X1"]);
    expect(accelerators[1]).toEqual({
      name: "X1",
      memoryGiB: 128,
      memoryBandwidthGBps: 3200,
      dense16BitTflops: 362,
      source: "datasheet",
    });
    expect(instanceTypes.at(-1)).toEqual({
      name: "own.large",
      accelerator: "X1",
      gpuCount: 8,
      vcpuCount: 96,
      memoryGiB: 1024,
      maxPodCount: 50,
      usdPerHour: 12,
    });
    const unused = hardwareOf(`use: [L4]\n  ${custom}`);
    expect(unused.accelerators.map(({ name }) => name)).toEqual(["L4"]);
    expect(unused.instanceTypes.map(({ name }) => name)).not.toContain("own.large");
  });
});
