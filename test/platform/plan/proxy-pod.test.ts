import { expect, test } from "vitest";
import { heldBodies, proxyPod } from "../../../platform/plan/proxy-pod.ts";
import { bufferedBodiesFactor, proxyDefaults } from "../../../services/proxy/proxy-options.ts";

test("a replica has room for as many of the longest bodies as the proxy holds", () => {
  expect(heldBodies).toBe(bufferedBodiesFactor);
  expect(proxyPod({}).maxBodyBytes).toBe(proxyDefaults.maxBodyBytes);
});

test("the heap fits into what a replica requests, and a small one keeps its share", () => {
  const { requests, heap, limits } = proxyPod({ resources: { memory: 0.125 }, maxBody: 1 / 1024 });
  expect(requests.memoryMiB).toBe(128);
  expect(heap.oldSpaceMiB).toBe(96);
  expect(limits.memoryMiB).toBe(128 + 64 + 8);
});

test("a core and a half is the least that a replica may use, more where it requests more", () => {
  expect(proxyPod({ resources: { cpuMillis: 50 } }).limits.cpuMillis).toBe(1_500);
  expect(proxyPod({ resources: { cpuMillis: 3_000 } }).limits.cpuMillis).toBe(3_000);
});
