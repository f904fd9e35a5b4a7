import { describe, expect, it } from "vitest";
import { optimize } from "../../../optimizer/optimize.ts";
import { group, instanceType, problem, profile, workload } from "../problems.ts";

const onBoth = [profile({ accelerator: "A" }), profile({ accelerator: "B" })];
const instanceTypes = [
  instanceType({ name: "a.1", accelerator: "A", usdPerHour: 1 }),
  instanceType({ name: "a.4", accelerator: "A", gpuCount: 4, vcpuCount: 64, memoryGiB: 256, usdPerHour: 4 }),
  instanceType({ name: "b.1", accelerator: "B", usdPerHour: 3 }),
];
const named = (id: string, profiles = onBoth, priority = 1) =>
  group({ id, workloads: [workload({ id, priority })], profiles });

describe("scarce accelerators", () => {
  it("are none where no limit is met", () => {
    expect(
      optimize(problem({ groups: [named("one")], instanceTypes, gpuLimits: { A: 1, B: 0 } })).scarce,
    ).toEqual([]);
  });

  it("tell what one small node more would save", () => {
    const groups = [named("one"), named("two")];
    const { scarce } = optimize(problem({ groups, instanceTypes, gpuLimits: { A: 1 } }));
    expect(scarce).toEqual([{ accelerator: "A", limit: 1, moreCards: 1, placed: [], savedUsdPerHour: 2 }]);
  });

  it("tell who would be placed, at what cost", () => {
    const onlyA = [profile({ accelerator: "A" })];
    const groups = [named("first", onlyA, 1), named("second", onlyA, 2)];
    const { scarce } = optimize(problem({ groups, instanceTypes, gpuLimits: { A: 1 } }));
    expect(scarce).toEqual([
      { accelerator: "A", limit: 1, moreCards: 1, placed: ["second"], savedUsdPerHour: -1 },
    ]);
  });

  it("leave out those of which one node more changes nothing", () => {
    const groups = [named("one"), named("two")];
    const { scarce } = optimize(problem({ groups, instanceTypes, gpuLimits: { A: 1, B: 1 } }));
    expect(scarce.map(({ accelerator }) => accelerator)).toEqual(["A"]);
  });

  it("leave out accelerators that no instance type carries", () => {
    const groups = [named("one"), named("two")];
    const { scarce } = optimize(problem({ groups, instanceTypes, gpuLimits: { A: 1, Z: 0 } }));
    expect(scarce.map(({ accelerator }) => accelerator)).toEqual(["A"]);
  });
});
