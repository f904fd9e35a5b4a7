import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../platform/engines/registry.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { startEmulatorWorker } from "../../services/emulator/start-worker.ts";
import { engineSpec } from "../support/engine-spec.ts";

/** Starts what stands in for the one group of an engine. */
async function emulated(type: "triton" | "vllm") {
  const { groups, engines } = planPlatform(engineSpec(type));
  const [group] = groups;
  const [engine] = engines;
  if (!group || !engine) throw new Error("the small spec has a group");
  return startEmulatorWorker({ group, loading: engine.loading, protocol: engine.protocol });
}

// Dynamo's frontends and workers are two kinds of processes; what stands in for them is one, with vLLM's face.
describe.each(["triton", "vllm"] as const)("what stands in for %s", (type) => {
  test("answers where the engine's profile has its probes, and counts its queue as the profile calls it", async () => {
    const worker = await emulated(type);
    try {
      const [endpoint] = worker.endpoints;
      const { probes, metrics } = engineProfiles[type];
      for (const path of Object.values(probes({ loading: "preload" }))) {
        expect((await fetch(`${endpoint}${path}`)).status, path).toBe(200);
      }
      const exposed = await (await fetch(`${endpoint}${metrics.path}`)).text();
      expect(exposed).toContain(`# TYPE ${metrics.queue} gauge`);
    } finally {
      await worker.close();
    }
  });
});

test("what stands in for an engine with a repository API has it at the profile's paths, which the proxy uses", async () => {
  const worker = await emulated("triton");
  try {
    const [endpoint] = worker.endpoints;
    const api = engineProfiles.triton.repositoryApi;
    const post = async (path: string) => (await fetch(`${endpoint}${path}`, { method: "POST" })).status;
    expect(await post(api?.index ?? "")).toBe(200);
    expect(await post(api?.unload("bert-base") ?? "")).toBe(200);
    expect(await post(api?.load("bert-base") ?? "")).toBe(200);
  } finally {
    await worker.close();
  }
});
