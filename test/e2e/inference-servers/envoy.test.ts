import { afterAll, beforeAll } from "vitest";
import type { RunningGroup } from "../../../services/emulator/emulator.ts";
import { suite } from "../requires.ts";
import { startEnvoy, type RunningEnvoy } from "./envoy.ts";
import { openInferenceContract, tritonTraits } from "./open-inference-contract.ts";
import { serverNeed } from "./prepared-environment.ts";
import { startTabularEmulator } from "./tabular-models.ts";

/** The proxy that the project's own is compared with: what it passes on keeps the contract. */
suite("the emulator of Triton behind Envoy", [serverNeed("envoy")], () => {
  let group: RunningGroup;
  let envoy: RunningEnvoy;
  beforeAll(async () => {
    group = await startTabularEmulator("preload");
    envoy = await startEnvoy(group.endpoints[0] ?? "");
  });
  afterAll(async () => {
    await envoy?.stop();
    await group?.close();
  });

  openInferenceContract(() => envoy, tritonTraits);
});
