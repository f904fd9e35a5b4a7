import { describe, expect, it } from "vitest";

import { catalogOf, catalogs, newestCatalog } from "../../../optimizer/catalog/registry.ts";

describe("the catalogs", () => {
  it("are found by version, in order, the newest last", () => {
    const versions = catalogs.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted());
    expect(newestCatalog).toBe(catalogs.at(-1));
    expect(catalogOf("2026-11")).toBe(newestCatalog);
    expect(catalogOf("1999-01")).toBeUndefined();
  });

  it.each(catalogs.map((catalog) => [catalog.version, catalog] as const))(
    "%s is consistent",
    (_, catalog) => {
      const names = catalog.accelerators.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const types = catalog.instanceTypes.map(({ name }) => name);
      expect(new Set(types).size).toBe(types.length);
      // Every accelerator can be bought, and every instance type carries a known one.
      expect(new Set(catalog.instanceTypes.map(({ accelerator }) => accelerator))).toEqual(new Set(names));
      for (const { gpuCount, vcpuCount, memoryGiB, maxPodCount, usdPerHour } of catalog.instanceTypes) {
        for (const figure of [gpuCount, vcpuCount, memoryGiB, maxPodCount, usdPerHour])
          expect(figure).toBeGreaterThan(0);
      }
      for (const { source } of [...catalog.accelerators, ...catalog.models]) expect(source).not.toBe("");
      expect(catalog.pricesAsOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(catalog.pricesAsOf.slice(0, 7) <= catalog.version).toBe(true);
    },
  );

  it.each(catalogs.map((catalog) => [catalog.version, catalog] as const))(
    "%s has slices and shares apart from its cards, each on instance types of their own",
    (_, { accelerators, instanceTypes, partial }) => {
      const names = partial.accelerators.map(({ name }) => name);
      expect(new Set([...names, ...accelerators.map(({ name }) => name)]).size).toBe(
        names.length + accelerators.length,
      );
      expect(accelerators.filter(({ device }) => device !== undefined)).toEqual([]);
      expect(new Set(partial.instanceTypes.map(({ accelerator }) => accelerator))).toEqual(new Set(names));
      const offers = partial.instanceTypes.map(({ name, accelerator }) => `${name} ${accelerator}`);
      expect(new Set(offers).size).toBe(offers.length);
      for (const { name, usdPerHour } of partial.instanceTypes) {
        const whole = instanceTypes.find((type) => type.name === name);
        if (whole) expect(usdPerHour).toBe(whole.usdPerHour);
      }
    },
  );

  it("says which instance types have Elastic Fabric Adapters, as DescribeInstanceTypes counts them", () => {
    const efaCountOf = (name: string) =>
      newestCatalog.instanceTypes.find((type) => type.name === name)?.efaCount ?? 0;
    const counts = [
      "g6.xlarge",
      "g6.48xlarge",
      "g6e.48xlarge",
      "p4d.24xlarge",
      "p5.48xlarge",
      "p6-b200.48xlarge",
    ];
    expect(counts.map(efaCountOf)).toEqual([0, 1, 4, 4, 32, 8]);
    // No card worth a fabric between nodes comes without one.
    for (const { gpuCount, name } of newestCatalog.instanceTypes) {
      if (gpuCount === 8) expect(efaCountOf(name), name).toBeGreaterThan(0);
    }
  });

  it("prices a card on a larger instance of the same accelerator within reason", () => {
    for (const { name } of newestCatalog.accelerators) {
      const perCard = newestCatalog.instanceTypes
        .filter(({ accelerator }) => accelerator === name)
        .map(({ usdPerHour, gpuCount }) => usdPerHour / gpuCount);
      expect(Math.max(...perCard) / Math.min(...perCard)).toBeLessThan(10);
    }
  });
});
