import { afterAll, beforeAll, describe } from "vitest";
import type { RunningGroup } from "../../../services/emulator/emulator.ts";
import { suite } from "../requires.ts";
import { openInferenceContract, tritonTraits } from "./open-inference-contract.ts";
import { predictContract } from "./predict-contract.ts";
import { serverNeed } from "./prepared-environment.ts";
import { startProxied, type RunningProxied } from "./proxied.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import { startTabularEmulator, tabularModels, tabularRoutes } from "./tabular-models.ts";
import { tritonMetricsContract } from "./triton-metrics-contract.ts";
import { tritonRefusalsContract } from "./triton-refusals-contract.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

/** The proxy answers for models that it does not know by itself, with 404. */
const proxiedTraits = { ...tritonTraits, unknownReadyStatus: 404 };

suite("Triton", [serverNeed("triton")], () => {
  let triton: RunningTriton;
  let proxy: RunningProxied;
  beforeAll(async () => {
    triton = await startTriton({ models: tabularModels, loading: "preload" });
    proxy = await startProxied(tabularRoutes([triton.url]));
  });
  afterAll(async () => {
    await proxy?.stop();
    await triton?.stop();
  });

  describe("itself", () => {
    openInferenceContract(() => triton, tritonTraits);
    tritonRefusalsContract(() => triton);
    tritonMetricsContract(() => ({ server: triton, metricsUrl: triton.metricsUrl }));
  });
  describe("behind the proxy", () => {
    openInferenceContract(() => proxy, proxiedTraits);
    predictContract(() => proxy);
  });
});

describe("the emulator of Triton", () => {
  let group: RunningGroup;
  let emulator: ServerUnderTest;
  let proxy: RunningProxied;
  beforeAll(async () => {
    group = await startTabularEmulator("preload");
    emulator = { url: group.endpoints[0] ?? "" };
    proxy = await startProxied(tabularRoutes(group.endpoints));
  });
  afterAll(async () => {
    await proxy?.stop();
    await group?.close();
  });

  describe("itself", () => {
    openInferenceContract(() => emulator, tritonTraits);
    tritonRefusalsContract(() => emulator);
    // Its metrics are on the HTTP port, where Triton has a port of its own for them.
    tritonMetricsContract(() => ({ server: emulator, metricsUrl: `${emulator.url}/metrics` }));
  });
  describe("behind the proxy", () => {
    openInferenceContract(() => proxy, proxiedTraits);
    predictContract(() => proxy);
  });
});
