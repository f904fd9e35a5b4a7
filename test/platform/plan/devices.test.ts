import { describe, expect, test } from "vitest";
import {
  cardsIn,
  deviceResource,
  migConfig,
  nodeKind,
  replicaResources,
} from "../../../platform/plan/devices.ts";
import { tritonProfile } from "../../../platform/engines/triton/profile.ts";

const slice = { kind: "mig", profile: "3g.40gb", card: "H100-80G", perCard: 2 } as const;
const cpu = { kind: "cpu", cpuMillis: 3000 } as const;

describe("what an accelerator is", () => {
  test("decides the resource that pods request, under the device plugin's mixed strategy", () => {
    expect([undefined, slice, cpu].map(deviceResource)).toEqual([
      "nvidia.com/gpu",
      "nvidia.com/mig-3g.40gb",
      undefined,
    ]);
  });

  test("decides how NVIDIA's MIG manager cuts the cards of a node", () => {
    expect([undefined, slice, cpu].map(migConfig)).toEqual([undefined, "all-3g.40gb", undefined]);
  });

  test("decides how many cards are paid for", () => {
    expect([undefined, slice, cpu].map((device) => cardsIn(16, device))).toEqual([16, 8, 0]);
  });

  test("tells nodes of one instance type apart where their cards are cut", () => {
    expect([undefined, slice, cpu].map((device) => nodeKind({ instanceType: "p5.4xlarge" }, device))).toEqual(
      ["p5.4xlarge", "p5.4xlarge-3g.40gb", "p5.4xlarge"],
    );
    const spot = { instanceType: "p5.4xlarge", purchase: "spot" } as const;
    expect([undefined, slice].map((device) => nodeKind(spot, device))).toEqual([
      "p5.4xlarge spot",
      "p5.4xlarge-3g.40gb spot",
    ]);
  });
});

test("a replica on CPU requests its whole share, elsewhere what its engine needs", () => {
  const figures = { memoryGiB: 16, memoryBandwidthGBps: 1, dense16BitTflops: 1, source: "test" };
  const resources = replicaResources(tritonProfile, [
    { ...figures, name: "CPU", device: cpu },
    { ...figures, name: "slice", device: slice },
  ]);
  const shape = { gpusPerReplica: 1, weightsGiB: 0.5 };
  const own = tritonProfile.resources({ ...shape, accelerator: "slice" });
  expect(resources({ ...shape, accelerator: "slice" })).toEqual(own);
  expect(resources({ ...shape, accelerator: "unknown" })).toEqual(own);
  expect(resources({ ...shape, accelerator: "CPU" })).toEqual({ ...own, cpuMillis: 3000 });
});
