import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { configText, engineConfigFile } from "../../../../platform/engines/dynamo/engine-config.ts";
import { workerSettings } from "../../../../platform/engines/dynamo/worker-settings.ts";
import type { ReplicaGroupPlan } from "../../../../platform/plan/platform-plan.ts";
import { dynamoEngine, dynamoGroup, dynamoPools, modelOptions } from "./graph-fixture.ts";

function fileOf(written: object, role?: "prefill" | "decode") {
  const group = role
    ? (dynamoPools(written).find((pool) => pool.role === role) as ReplicaGroupPlan)
    : dynamoGroup({}, written);
  return engineConfigFile(modelOptions(written), workerSettings(dynamoEngine(), group));
}

describe("the configuration file of a worker", () => {
  test("is the decode pool's where workers do both, and each pool's own where they do not", () => {
    const written = {
      disaggregation: true,
      decode: { extraConfig: { configMapRef: "decode-config" } },
      prefill: { extraConfig: { configMapRef: { name: "prefill-config", key: "engine.yaml" } } },
    };
    const path = "/opt/dynamo/model/config.yaml";
    expect(fileOf(written, "decode")).toEqual({
      kind: "referenced",
      path,
      name: "decode-config",
      key: "config.yaml",
    });
    expect(fileOf(written, "prefill")).toEqual({
      kind: "referenced",
      path,
      name: "prefill-config",
      key: "engine.yaml",
    });
    expect(fileOf({ decode: written.decode })).toMatchObject({ name: "decode-config" });
  });

  test("is one of the image where the spec has only its path", () => {
    expect(fileOf({ decode: { extraConfig: { path: "/etc/engine.yaml" } } })).toEqual({
      kind: "present",
      path: "/etc/engine.yaml",
    });
  });

  test("is written from the plan where the spec has its content", () => {
    expect(fileOf({ decode: { extraConfig: { config: { "swap-space": 8 } } } })).toEqual({
      kind: "written",
      path: "/opt/dynamo/model/config.yaml",
      content: { "swap-space": 8 },
    });
  });

  test("is none with vLLM and SGLang without one in the spec", () => {
    expect(fileOf({})).toBeUndefined();
    expect(fileOf({ backend: { type: "sglang" } })).toBeUndefined();
  });

  test("has for TensorRT-LLM what its arguments cannot say: blocks, caches and how pools hand over", () => {
    const backend = { type: "trtllm" };
    expect(fileOf({ backend })).toMatchObject({
      kind: "written",
      content: { kv_cache_config: { tokens_per_block: 32, enable_block_reuse: true } },
    });
    expect(fileOf({ backend }, "decode")).toMatchObject({
      content: { cache_transceiver_config: { backend: "DEFAULT" } },
    });
    expect(fileOf({ backend }, "prefill")).toMatchObject({
      content: { cache_transceiver_config: { backend: "DEFAULT" }, disable_overlap_scheduler: true },
    });
  });

  test("leaves to TensorRT-LLM what the spec says besides", () => {
    const config = { enable_chunked_prefill: true, kv_cache_config: { free_gpu_memory_fraction: 0.8 } };
    expect(
      fileOf({ backend: { type: "trtllm" }, kvBlockSize: 64, decode: { extraConfig: { config } } }),
    ).toMatchObject({
      content: {
        enable_chunked_prefill: true,
        kv_cache_config: { free_gpu_memory_fraction: 0.8, tokens_per_block: 64, enable_block_reuse: true },
      },
    });
  });

  test("says as text what it was given, the same for every order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 })), (content) => {
        // JSON has no negative zero and YAML has: both are zero to an engine.
        const plain = JSON.parse(JSON.stringify(content)) as Record<string, unknown>;
        const text = configText(plain);
        expect(parse(text)).toEqual(plain);
        expect(configText(Object.fromEntries(Object.entries(plain).toReversed()))).toBe(text);
      }),
    );
  });
});
