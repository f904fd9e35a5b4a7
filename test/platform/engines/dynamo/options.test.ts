import { describe, expect, test } from "vitest";
import { dynamoEngineSchema } from "../../../../platform/engines/dynamo/engine-options.ts";
import { dynamoModelSchema } from "../../../../platform/engines/dynamo/model-options.ts";

/** Paths of what a schema refuses. */
function refused(schema: typeof dynamoModelSchema | typeof dynamoEngineSchema, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success
    ? []
    : result.error.issues.map(({ path, ...issue }) =>
        [...path, ...("keys" in issue ? issue.keys : [])].join("."),
      );
}

describe("options of a model", () => {
  test("take the keys that users of Dynamo know, as they write them", () => {
    const written = {
      dynamoNamespace: "chat-graph",
      model: { name: "Qwen/Qwen3-32B" },
      backend: { type: "sglang", image: "mirror.example/sglang-runtime:1.3.1" },
      deployment: { create: true },
      decode: { extraConfig: { configMapRef: "decode-config", path: "/opt/dynamo/model/config.yaml" } },
      prefill: { extraConfig: { configMapRef: { name: "prefill-config", key: "engine.yaml" } } },
      disaggregation: true,
      routingPolicy: "kv",
    };
    expect(dynamoModelSchema.parse(written)).toMatchObject(written);
  });

  test("are whole without any key: one pool of vLLM workers behind two frontends", () => {
    expect(dynamoModelSchema.parse({})).toEqual({
      backend: { type: "vllm" },
      deployment: { create: true },
      decode: {},
      disaggregation: false,
      routingPolicy: "none",
      prefixCaching: true,
      migrationLimit: 3,
      frontend: { replicas: 2, cpu: 2 },
    });
  });

  test("look for a worker's configuration where Dynamo's users put it", () => {
    const path = (extraConfig: object) =>
      dynamoModelSchema.parse({ decode: { extraConfig } }).decode.extraConfig?.path;
    expect(path({ configMapRef: "decode-config" })).toBe("/opt/dynamo/model/config.yaml");
    expect(path({ path: "/etc/engine.yml" })).toBe("/etc/engine.yml");
  });

  test.each(["config.yaml", "/etc/../config.yaml", "/etc/config.json", "/etc/config"])(
    "refuse %s as a path: vLLM reads absolute paths of YAML files only",
    (path) =>
      expect(refused(dynamoModelSchema, { decode: { extraConfig: { path } } })).toEqual([
        "decode.extraConfig.path",
      ]),
  );

  test("refuse what they do not know, at every level", () => {
    expect(refused(dynamoModelSchema, { routing: "kv" })).toEqual(["routing"]);
    expect(refused(dynamoModelSchema, { decode: { replicas: 2 } })).toEqual(["decode.replicas"]);
    expect(refused(dynamoModelSchema, { frontend: { replica: 2 } })).toEqual(["frontend.replica"]);
    expect(refused(dynamoModelSchema, { routingPolicy: "least-loaded" })).toEqual(["routingPolicy"]);
    expect(refused(dynamoModelSchema, { backend: { type: "mocker" } })).toEqual(["backend.type"]);
  });

  test("refuse a planner that may take any number of GPUs", () => {
    expect(refused(dynamoModelSchema, { planner: {} })).toEqual(["planner.maxGpus"]);
    expect(refused(dynamoModelSchema, { planner: { maxGpus: 16, config: { ttft_ms: 300 } } })).toEqual([]);
  });

  test("wait for requests of between a second and a day", () => {
    expect(dynamoModelSchema.parse({ longestRequest: "10min" }).longestRequest).toBe(600_000);
    expect(refused(dynamoModelSchema, { longestRequest: "25h" })).toEqual(["longestRequest"]);
    expect(refused(dynamoModelSchema, { longestRequest: "500ms" })).toEqual(["longestRequest"]);
  });
});

describe("options of an engine", () => {
  test("are of one release, whose caches report to the frontends without a server between", () => {
    expect(dynamoEngineSchema.parse({})).toEqual({
      version: "1.3.1",
      registry: "nvcr.io/nvidia/ai-dynamo",
      eventPlane: "zmq",
      multiNode: "grove",
    });
  });

  test("take a Model Express that is there, or all that one of their own needs", () => {
    expect(refused(dynamoEngineSchema, { modelExpress: { url: "http://mx.models.svc:8001" } })).toEqual([]);
    expect(
      refused(dynamoEngineSchema, {
        modelExpress: { install: { redis: "redis://redis:6379", cache: "200Gi" } },
      }),
    ).toEqual([]);
    expect(
      refused(dynamoEngineSchema, {
        modelExpress: { install: { redis: { secret: { name: "redis", key: "url" } }, cache: "200Gi" } },
      }),
    ).toEqual([]);
  });

  test.each([
    ["without Redis, as the server would end at once", { install: { cache: "200Gi" } }],
    ["with a password in clear", { install: { redis: "redis://:secret@redis:6379", cache: "200Gi" } }],
    ["with an address without its port", { url: "http://mx.models.svc" }],
    [
      "both there and of their own",
      { url: "http://mx:8001", install: { redis: "redis://redis", cache: "1Gi" } },
    ],
  ])("refuse a Model Express %s", (_what, modelExpress) => {
    expect(refused(dynamoEngineSchema, { modelExpress })).not.toEqual([]);
  });
});
