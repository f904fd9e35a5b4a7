import { describe, expect, test } from "vitest";
import { dynamoProblems } from "../../../../platform/engines/dynamo/rules.ts";
import type { RuleProblem } from "../../../../platform/spec/rules.ts";

interface Written {
  readonly model?: object;
  readonly dynamo?: object;
  readonly engine?: object;
  readonly engineOptions?: object;
  readonly spec?: object;
}

/** What the rules say of one model, as a spec has it. */
function problemsOf({ model, dynamo, engine, engineOptions, spec }: Written): RuleProblem[] {
  const entry = {
    name: "chat",
    type: "dynamo",
    storage: { dataset: "models", path: "llm" },
    dynamo: engineOptions,
    models: [{ name: "llama-3-70b", traffic: [{ serviceClass: "Premium" }], dynamo, ...model }],
    ...engine,
  };
  const whole = { catalog: "2026-11", engines: [entry], ...spec };
  return dynamoProblems(entry, { spec: whole, path: ["engines", 0] });
}

/** Path, code and the nearest thing that works, of each problem. */
function saidOf(written: Written) {
  return problemsOf(written).map(({ path, code, message, allowed }) => ({
    at: path.slice(2).join("."),
    code,
    message,
    allowed,
  }));
}

const unsupported = "SPEC_COMBINATION_UNSUPPORTED";
const options = "models.0.dynamo";

test("a model without options, and one with all that go together, have nothing against them", () => {
  expect(saidOf({})).toEqual([]);
  expect(
    saidOf({
      dynamo: {
        backend: { type: "vllm", image: "mirror.example/vllm-runtime:1.3.1-cuda13" },
        disaggregation: true,
        decode: { extraConfig: { configMapRef: "llama-decode" } },
        prefill: { extraConfig: { config: { "swap-space": 8 } } },
        routingPolicy: "kv",
        kvEvents: true,
      },
      model: { arguments: ["--enable-lora"], gpusPerReplica: 4 },
    }),
  ).toEqual([]);
});

describe("routing by caches is refused", () => {
  test("without events, with the two things that work", () => {
    expect(saidOf({ dynamo: { routingPolicy: "kv", kvEvents: false } })).toEqual([
      {
        at: `${options}.kvEvents`,
        code: unsupported,
        message: "routingPolicy kv without events: the router would take every cache for empty",
        allowed: "true; approximate, which guesses from what it sent where; or routingPolicy: round-robin",
      },
    ]);
    expect(saidOf({ dynamo: { routingPolicy: "kv", kvEvents: "approximate" } })).toEqual([]);
  });

  test("without caches", () => {
    expect(saidOf({ dynamo: { routingPolicy: "kv", prefixCaching: false } })).toMatchObject([
      { at: `${options}.prefixCaching`, code: unsupported },
    ]);
  });

  test("where nobody would listen to events", () => {
    expect(saidOf({ dynamo: { routingPolicy: "random", kvEvents: true } })).toMatchObject([
      {
        at: `${options}.kvEvents`,
        code: "SPEC_VALUE_CONFLICT",
        allowed: "routingPolicy: kv, or no kvEvents",
      },
    ]);
    expect(saidOf({ dynamo: { kvEvents: false } })).toEqual([]);
  });
});

describe("a ConfigMap is refused", () => {
  const reference = (name: string) => ({ extraConfig: { configMapRef: name } });
  const both = (decode: string, prefill: string) =>
    saidOf({ dynamo: { disaggregation: true, decode: reference(decode), prefill: reference(prefill) } });

  test("that is the other pool's by its name: both, where they are swapped", () => {
    expect(both("llama-prefill-config", "llama-decode-config")).toEqual([
      {
        at: `${options}.decode.extraConfig.configMapRef`,
        code: unsupported,
        message:
          'the ConfigMaps are swapped: decode refers to "llama-prefill-config", and prefill to "llama-decode-config"',
        allowed: '"llama-decode-config"',
      },
      {
        at: `${options}.prefill.extraConfig.configMapRef`,
        code: unsupported,
        message:
          'the ConfigMaps are swapped: prefill refers to "llama-decode-config", and decode to "llama-prefill-config"',
        allowed: '"llama-prefill-config"',
      },
    ]);
    expect(both("prefill-config", "prefill-config")).toMatchObject([
      {
        at: `${options}.decode.extraConfig.configMapRef`,
        allowed: "a ConfigMap whose name does not say prefill",
      },
    ]);
  });

  test("and not one that says neither or both, in either form", () => {
    expect(both("decode-config", "prefill-config")).toEqual([]);
    expect(both("engine-config", "engine-config")).toEqual([]);
    expect(both("prefill-and-decode", "prefill-and-decode")).toEqual([]);
    expect(
      saidOf({ dynamo: { decode: { extraConfig: { configMapRef: { name: "prefill", key: "a" } } } } }),
    ).toHaveLength(1);
  });

  test("beside its own content", () => {
    const extraConfig = { configMapRef: "decode-config", config: { "swap-space": 8 } };
    expect(saidOf({ dynamo: { decode: { extraConfig } } })).toMatchObject([
      { at: `${options}.decode.extraConfig.config`, code: "SPEC_VALUE_CONFLICT", allowed: "one of them" },
    ]);
  });
});

describe("a configuration is refused", () => {
  test.each([
    ["tensor_parallel_size", "follows from gpusPerReplica and nodesPerReplica"],
    ["max-num-seqs", "is maxBatchSize of the model, or the plan's"],
    ["page-size", "is the key dynamo.kvBlockSize of the model"],
    ["disaggregation_mode", "is the key dynamo.disaggregation of the model"],
  ])("that says %s, which something else decides", (key, reason) => {
    expect(saidOf({ dynamo: { decode: { extraConfig: { config: { [key]: 1 } } } } })).toEqual([
      {
        at: `${options}.decode.extraConfig.config.${key}`,
        code: unsupported,
        message: `${key} ${reason}`,
        allowed: "keys that nothing else decides",
      },
    ]);
  });

  test("that says the size of TensorRT-LLM's blocks a second time", () => {
    const config = { kv_cache_config: { tokens_per_block: 64, free_gpu_memory_fraction: 0.8 } };
    expect(
      saidOf({ dynamo: { backend: { type: "trtllm" }, decode: { extraConfig: { config } } } }),
    ).toMatchObject([{ message: "tokens_per_block is the key dynamo.kvBlockSize of the model" }]);
  });

  test("that lies elsewhere, with blocks that must be written into it", () => {
    const dynamo = (kvBlockSize: number) => ({
      backend: { type: "trtllm" },
      kvBlockSize,
      decode: { extraConfig: { configMapRef: "decode-config" } },
    });
    expect(saidOf({ dynamo: dynamo(64) })).toMatchObject([
      { at: `${options}.decode.extraConfig`, code: unsupported },
    ]);
    expect(saidOf({ dynamo: dynamo(32) })).toEqual([]);
  });

  test("of workers that there are none of", () => {
    expect(saidOf({ dynamo: { prefill: {} } })).toMatchObject([
      {
        at: `${options}.prefill`,
        code: unsupported,
        allowed: expect.stringContaining("disaggregation: true"),
      },
    ]);
  });
});

describe("a backend is refused", () => {
  test.each(["sglang", "trtllm"])("%s with adapters, wherever they are asked for", (type) => {
    const backend = { type };
    const written = [
      { dynamo: { backend }, model: { arguments: ["--max-lora-rank=64"] } },
      { dynamo: { backend }, engine: { arguments: ["--enable-lora"] } },
      { dynamo: { backend, decode: { extraConfig: { config: { enable_lora: true } } } } },
    ];
    expect(written.map((one) => saidOf(one).map(({ at, allowed }) => [at, allowed]))).toEqual([
      [["models.0.arguments.0", "dynamo.backend.type: vllm"]],
      [["arguments.0", "dynamo.backend.type: vllm"]],
      [[`${options}.decode.extraConfig.config.enable_lora`, "dynamo.backend.type: vllm"]],
    ]);
    expect(saidOf({ dynamo: { backend }, model: { arguments: ["--log-level=debug"] } })).toEqual([]);
  });

  test("of another release than the engine's", () => {
    const image = "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.4.1";
    expect(saidOf({ dynamo: { backend: { image } } })).toMatchObject([
      {
        at: `${options}.backend.image`,
        message: `"${image}" is not of release 1.3.1, which chart, operator and frontend are of`,
      },
    ]);
    expect(saidOf({ dynamo: { backend: { image } }, engineOptions: { version: "1.4.1" } })).toEqual([]);
  });

  test("as one image of the whole engine", () => {
    expect(saidOf({ engine: { image: "x/vllm-runtime:1.3.1" } })).toMatchObject([
      { at: "image", code: unsupported },
    ]);
  });

  test("that starts on several nodes by what is not there: SSH, or Ray in the release's image", () => {
    const model = { nodesPerReplica: 2, gpusPerReplica: 8 };
    const said = (backend: object) => saidOf({ model, dynamo: { backend } });
    expect(said({ type: "trtllm" })).toMatchObject([
      { at: "models.0.nodesPerReplica", allowed: "1, or dynamo.backend.type: sglang" },
    ]);
    expect(said({})).toMatchObject([
      { at: "models.0.nodesPerReplica", allowed: expect.stringContaining("an engine of type vllm") },
    ]);
    expect(said({ image: "mirror.example/vllm-ray:1.3.1" })).toEqual([]);
    expect(said({ type: "sglang" })).toEqual([]);
  });

  test("that Model Express has no weights for, or not in the version that is asked for", () => {
    const engineOptions = { modelExpress: { url: "http://mx:8001" } };
    const hub = { storage: "hf://Qwen" };
    expect(saidOf({ engineOptions, dynamo: { backend: { type: "sglang" } } })).toMatchObject([
      { at: "dynamo.modelExpress", code: unsupported, allowed: "vllm" },
    ]);
    expect(saidOf({ engineOptions, engine: hub, model: { version: "3f2a" } })).toMatchObject([
      { at: "models.0.version", allowed: expect.stringContaining("version: main") },
    ]);
    expect(saidOf({ engineOptions, engine: hub, model: { version: "main" } })).toEqual([]);
    expect(saidOf({ engineOptions, model: { version: 3 } })).toEqual([]);
  });
});

describe("replicas are refused", () => {
  const prometheus = { observability: { prometheus: "http://prometheus:9090" } };
  const autoscaling = { minReplicas: 1, maxReplicas: 4 };

  test("that a planner and an autoscaler would both set", () => {
    const dynamo = { planner: { maxGpus: 8 } };
    expect(saidOf({ dynamo, spec: prometheus, model: { autoscaling } })).toMatchObject([
      { at: `${options}.planner`, allowed: "one of planner and autoscaling" },
    ]);
    expect(saidOf({ dynamo, spec: prometheus, engine: { autoscaling } })).toHaveLength(1);
    expect(saidOf({ dynamo, spec: prometheus })).toEqual([]);
  });

  test("that a planner would set without anything measured", () => {
    expect(problemsOf({ dynamo: { planner: { maxGpus: 8 } } })).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: ["observability", "prometheus"] },
    ]);
  });

  test("that an adapter would scale by what the frontends measure", () => {
    const scaled = (signal?: string) =>
      saidOf({ model: { autoscaling: { ...autoscaling, scaler: "hpa", signal } } });
    expect(scaled()).toMatchObject([
      { at: "models.0.autoscaling.scaler", allowed: "keda, or signal: gpu-utilisation or request-rate" },
    ]);
    expect(scaled("gpu-utilisation")).toEqual([]);
    expect(saidOf({ model: { autoscaling } })).toEqual([]);
  });

  test("of two pools by a signal of both together", () => {
    const scaled = (signal: string) =>
      saidOf({ dynamo: { disaggregation: true }, model: { autoscaling: { ...autoscaling, signal } } });
    expect(scaled("queue")).toMatchObject([{ at: "models.0.autoscaling", code: unsupported }]);
    expect(scaled("gpu-utilisation")).toEqual([]);
  });

  test("of two pools on one GPU, or on two kinds of cards", () => {
    const accelerators = (count: number) => ({
      accelerators: { use: ["H100-80G"], limits: { "H100-80G": count } },
    });
    const dynamo = { disaggregation: true };
    expect(saidOf({ dynamo, spec: accelerators(1) })).toMatchObject([
      { at: `${options}.disaggregation`, message: "two pools need 2 GPUs, and accelerators.limits allow 1" },
    ]);
    expect(saidOf({ dynamo, spec: accelerators(2) })).toEqual([]);
    expect(saidOf({ dynamo, spec: accelerators(7), model: { gpusPerReplica: 4 } })).toHaveLength(1);
    expect(saidOf({ dynamo, spec: { accelerators: { use: ["H100-80G"] } } })).toEqual([]);
    expect(saidOf({ dynamo, model: { splitAccelerators: true } })).toMatchObject([
      { at: "models.0.splitAccelerators" },
    ]);
  });

  test("of two pools as one count", () => {
    expect(saidOf({ dynamo: { disaggregation: true }, model: { replicas: 3 } })).toMatchObject([
      { at: "models.0.replicas", code: unsupported },
    ]);
    expect(saidOf({ model: { replicas: 3 } })).toEqual([]);
  });

  test("of a graph that is not created", () => {
    const dynamo = { deployment: { create: false }, planner: { maxGpus: 8 } };
    expect(saidOf({ dynamo, spec: prometheus })).toMatchObject([
      { at: `${options}.planner`, code: unsupported },
    ]);
  });
});

describe("a name is refused", () => {
  test("of a graph, that several would have", () => {
    const dynamo = { dynamoNamespace: "llama" };
    const model = { dynamo, traffic: [{ serviceClass: "Premium" }, { serviceClass: "Free" }] };
    expect(saidOf({ model })).toMatchObject([{ at: `${options}.dynamoNamespace`, code: unsupported }]);
    const twice = [
      { name: "llama-3-70b", dynamo },
      { name: "llama-3-8b", dynamo },
    ];
    expect(saidOf({ engine: { models: twice } })).toMatchObject([
      { at: "models.1.dynamo.dynamoNamespace", code: "SPEC_NAME_DUPLICATE" },
    ]);
    expect(saidOf({ dynamo })).toEqual([]);
  });

  test("of a graph, that another engine of the same namespace has", () => {
    const models = [{ name: "llama-3-70b", dynamo: { dynamoNamespace: "llama" } }];
    const engine = { name: "second", type: "dynamo", namespace: "chat", models };
    const spec = (namespace: string) => ({
      engines: [{ name: "first", type: "dynamo", namespace, models }, engine],
    });
    const said = (namespace: string) =>
      dynamoProblems(engine, { spec: spec(namespace), path: ["engines", 1] }).map(({ code }) => code);
    expect(said("chat")).toEqual(["SPEC_NAME_DUPLICATE"]);
    expect(said("other")).toEqual([]);
  });

  test("of a graph, that is too long for the operator's label with its namespace", () => {
    const dynamo = { dynamoNamespace: "a".repeat(41) };
    expect(saidOf({ dynamo, engine: { namespace: "n".repeat(21) } })).toEqual([]);
    expect(saidOf({ dynamo, engine: { namespace: "n".repeat(22) } })).toMatchObject([
      { at: `${options}.dynamoNamespace`, code: unsupported, allowed: "at most 40 characters" },
    ]);
  });

  test("of another model than the storage has", () => {
    const dynamo = { model: { name: "Qwen/Qwen3-32B" } };
    expect(saidOf({ dynamo })).toMatchObject([{ at: `${options}.model.name`, allowed: '"llama-3-70b"' }]);
    expect(saidOf({ dynamo, engine: { storage: "hf://meta-llama" } })).toMatchObject([
      { at: `${options}.model.name`, allowed: "meta-llama/…" },
    ]);
    expect(saidOf({ dynamo, engine: { storage: { huggingFace: "Qwen" } } })).toEqual([]);
    expect(saidOf({ dynamo: { model: { name: "llama-3-70b" } } })).toEqual([]);
  });
});

test("a second engine is refused that needs another operator than the first", () => {
  const first = { name: "first", type: "dynamo", dynamo: { version: "1.3.1" } };
  const spec = (second: object) => {
    const engine = { name: "second", type: "dynamo", models: [], ...second };
    const engines = [first, { name: "other", type: "vllm" }, engine];
    return dynamoProblems(engine, { spec: { engines }, path: ["engines", 2] });
  };
  expect(spec({})).toEqual([]);
  expect(spec({ dynamo: { version: "1.4.1", multiNode: "leader-worker-set" } })).toMatchObject([
    {
      path: ["engines", 2, "dynamo", "version"],
      message: expect.stringContaining('1.3.1 of engine "first"'),
    },
    { path: ["engines", 2, "dynamo", "multiNode"] },
  ]);
});

test("a shape is refused that the heads cannot be shared out over, with the next lower that works", () => {
  expect(saidOf({ model: { gpusPerReplica: 3 } })).toMatchObject([
    { at: "models.0.gpusPerReplica", code: unsupported, allowed: "2, the next lower number" },
  ]);
  const image = "mirror.example/vllm-ray:1.3.1";
  const spanning = (gpusPerReplica: number, backend: object) =>
    saidOf({ model: { gpusPerReplica, nodesPerReplica: 2 }, dynamo: { backend } });
  // vLLM shares them out over the cards of a node, SGLang over all.
  expect(spanning(6, { image })).toMatchObject([{ allowed: "4, the next lower number" }]);
  expect(spanning(16, { image })).toEqual([]);
  expect(spanning(12, { type: "sglang" })).toMatchObject([{ allowed: "8, the next lower number" }]);
});

test("nothing is said of what has the wrong form, which the schema reports", () => {
  expect(saidOf({ dynamo: [] as object })).toEqual([]);
  expect(saidOf({ dynamo: { decode: "x", backend: 3, planner: undefined, frontend: null } })).toEqual([]);
});

test("releases before graphs of this form, and blocks that vLLM has no kernels for, are refused", () => {
  expect(saidOf({ engineOptions: { version: "1.2.0" } })).toMatchObject([
    { code: "SPEC_COMBINATION_UNSUPPORTED", allowed: "1.3.0 or later; 1.3.1 and 1.6.1 were tried" },
  ]);
  expect(saidOf({ dynamo: { kvBlockSize: 17 } })).toMatchObject([
    { at: `${options}.kvBlockSize`, allowed: "1, 8, 16, 32, 64, 128, 256" },
  ]);
  expect(saidOf({ dynamo: { kvBlockSize: 32 } })).toEqual([]);
});
