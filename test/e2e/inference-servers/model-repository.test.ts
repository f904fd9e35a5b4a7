import { afterAll, beforeAll, describe } from "vitest";
import type { RunningGroup } from "../../../services/emulator/emulator.ts";
import { suite } from "../requires.ts";
import { modelRepositoryContract, onDemandProxyContract } from "./model-repository-contract.ts";
import { serverNeed } from "./prepared-environment.ts";
import { routesTo, startProxied, type RunningProxied } from "./proxied.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import { startTabularEmulator, tabularModels, tabularVersions } from "./tabular-models.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

const loadSeconds = 2;

/** A model more than the server has. */
function onDemandRoutes(endpoints: readonly string[]): ReturnType<typeof routesTo> {
  return routesTo({
    name: "tabular",
    type: "triton",
    protocol: "open-inference-v2",
    loading: "on-demand",
    models: { ...tabularVersions, gone: ["1"] },
    endpoints,
  });
}

suite("Triton that loads models on demand", [serverNeed("triton")], () => {
  let triton: RunningTriton;
  let proxy: RunningProxied;
  beforeAll(async () => {
    triton = await startTriton({ models: tabularModels, loading: "on-demand", loadSeconds });
    proxy = await startProxied(onDemandRoutes([triton.url]));
  });
  afterAll(async () => {
    await proxy?.stop();
    await triton?.stop();
  });

  modelRepositoryContract(() => triton);
  onDemandProxyContract(
    () => proxy,
    () => triton,
  );
});

describe("the emulator of Triton that loads models on demand", () => {
  let group: RunningGroup;
  let emulator: ServerUnderTest;
  let proxy: RunningProxied;
  beforeAll(async () => {
    group = await startTabularEmulator("on-demand", loadSeconds);
    emulator = { url: group.endpoints[0] ?? "" };
    proxy = await startProxied(onDemandRoutes(group.endpoints));
  });
  afterAll(async () => {
    await proxy?.stop();
    await group?.close();
  });

  modelRepositoryContract(() => emulator);
  onDemandProxyContract(
    () => proxy,
    () => emulator,
  );
});
