import { describe, expect, test } from "vitest";
import { vllmProblems } from "../../../../platform/engines/vllm/rules.ts";
import type { Raw } from "../../../../platform/spec/raw.ts";

const load = { rate: "1/min", inputTokens: 512, outputTokens: 128 };
const llama = { name: "llama-3-70b", traffic: [{ load }] };
const problemsOf = (model: Raw, engine: Raw = {}, spec: Raw = {}) =>
  vllmProblems(
    {
      name: "chat",
      type: "vllm",
      storage: { dataset: "models", path: "llm" },
      models: [{ ...llama, ...model }],
      ...engine,
    },
    {
      spec: { catalog: "2026-11", accelerators: { use: ["L4", "H100-80G"] }, ...spec },
      path: ["engines", 2],
    },
  );
const modelPath = ["engines", 2, "models", 0];
const loraAdapters = [{ name: "sql", path: "sql" }];

test("a plain engine raises nothing, nor does what is no mapping", () => {
  expect(problemsOf({})).toEqual([]);
  expect(vllmProblems({ models: ["x", 5] }, { spec: {}, path: [] })).toEqual([]);
  expect(vllmProblems({ models: [{ vllm: 5, gpusPerReplica: "8" }] }, { spec: {}, path: [] })).toEqual([]);
});

describe("LoRA adapters", () => {
  test.each([
    { dataset: "models", path: "llm" },
    "pvc://claim/llm",
    "oci://registry/models:1",
    { s3: "s3://acme/llm", access: "mount" },
    "hf://Qwen",
    { huggingFace: "Qwen" },
  ])("come from folders and the hub: %j", (storage) => {
    expect(problemsOf({ vllm: { loraAdapters } }, { storage })).toEqual([]);
  });

  test.each(["s3://acme/llm", { s3: "s3://acme/llm", access: "stream" }])(
    "do not come by stream: %j",
    (storage) => {
      expect(problemsOf({ vllm: { loraAdapters } }, { storage })).toEqual([
        {
          code: "SPEC_COMBINATION_UNSUPPORTED",
          path: [...modelPath, "vllm", "loraAdapters"],
          atKey: true,
          message: "vLLM streams the weights of a model from S3, and reads adapters from a folder only",
          allowed: "storage {s3: …, access: mount}, a dataset, a claim, FSx, an image or the hub",
        },
      ]);
    },
  );

  test("are not copied with the versions of a model", () => {
    const [problem] = problemsOf(
      { vllm: { loraAdapters } },
      { storage: { s3: "s3://acme", access: "copy" } },
    );
    expect(problem?.message).toBe(
      "what is copied from S3 before the start are the versions of the model, without adapters",
    );
  });

  test("are repositories on the hub", () => {
    const vllm = { loraAdapters: [{ name: "sql", path: "sql/v1" }] };
    for (const storage of ["hf://Qwen", { huggingFace: "Qwen" }]) {
      expect(problemsOf({ vllm }, { storage })).toEqual([
        {
          code: "SPEC_COMBINATION_UNSUPPORTED",
          path: [...modelPath, "vllm", "loraAdapters", 0, "path"],
          message: '"sql/v1" is a folder, and on the hub an adapter is a repository',
          allowed: "the name of a repository of the same organisation",
        },
      ]);
    }
  });

  test("are what a rank is about", () => {
    expect(problemsOf({ vllm: { maxLoraRank: 32 } })).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: [...modelPath, "vllm", "maxLoraRank"], atKey: true },
    ]);
    expect(problemsOf({ vllm: { maxLoraRank: 32, loraAdapters } })).toEqual([]);
  });
});

describe("served names", () => {
  test("are each given once, by model, alias or adapter", () => {
    const vllm = {
      servedNames: ["llama-3-70b", "chat", "chat"],
      loraAdapters: [
        { name: "chat", path: "a" },
        { name: "sql", path: "b" },
        { name: "sql", path: "c" },
      ],
    };
    expect(problemsOf({ vllm }).map(({ code, path }) => [code, ...path.slice(5)])).toEqual([
      ["SPEC_NAME_DUPLICATE", "servedNames", 0],
      ["SPEC_NAME_DUPLICATE", "servedNames", 2],
      ["SPEC_NAME_DUPLICATE", "loraAdapters", 0, "name"],
      ["SPEC_NAME_DUPLICATE", "loraAdapters", 2, "name"],
    ]);
  });

  test("are each given once in an engine, whichever of its models it is", () => {
    const models = [
      { ...llama, vllm: { servedNames: ["mistral-7b", "chat"] } },
      { ...llama, name: "mistral-7b", vllm: { loraAdapters: [{ name: "chat", path: "a" }] } },
    ];
    expect(problemsOf({}, { models })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: [...modelPath, "vllm", "servedNames", 0],
        message: '"mistral-7b" is another name of this engine',
        allowed: "names that differ among the engine's models, their servedNames and loraAdapters",
      },
      expect.objectContaining({ path: ["engines", 2, "models", 1, "vllm", "loraAdapters", 0, "name"] }),
    ]);
  });

  test("that are no text are the schema's to report", () => {
    expect(problemsOf({ vllm: { servedNames: [5, 5], loraAdapters: [{ name: 5 }, { name: 5 }] } })).toEqual(
      [],
    );
  });
});

describe("number formats", () => {
  const t4 = { accelerators: { use: ["T4", "L4"] } };

  test.each([
    ["dtype", "bfloat16", "bfloat16", "float16, auto"],
    ["kvCacheDtype", "fp8", "a KV cache in fp8", "auto"],
    ["kvCacheDtype", "fp8_e5m2", "a KV cache in fp8_e5m2", "auto"],
  ])("are refused where the plan may choose a card without them: %s %s", (key, value, format, instead) => {
    for (const spec of [t4, { accelerators: undefined }, { accelerators: {} }]) {
      expect(problemsOf({ vllm: { [key]: value } }, {}, spec)).toEqual([
        {
          code: "SPEC_COMBINATION_UNSUPPORTED",
          path: [...modelPath, "vllm", key],
          message: `${format} is beyond T4, which the plan may choose`,
          allowed: `${instead}, or accelerators.use without T4`,
        },
      ]);
    }
    expect(problemsOf({ vllm: { [key]: value } })).toEqual([]);
  });

  test("that every card has are fine, eight-bit weights among them", () => {
    const vllm = { dtype: "float16", kvCacheDtype: "auto", quantization: "fp8" };
    expect(problemsOf({ vllm }, {}, t4)).toEqual([]);
  });
});

describe("the longest sequence", () => {
  test("is within what the network takes and the traffic needs", () => {
    expect(problemsOf({ vllm: { maxSequenceTokens: 640 } })).toEqual([]);
    expect(problemsOf({ vllm: { maxSequenceTokens: 8192 } })).toEqual([]);
    expect(problemsOf({ vllm: { maxSequenceTokens: 8193 } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...modelPath, "vllm", "maxSequenceTokens"],
        message: "the model's network takes no sequence of 8193 tokens",
        allowed: "at most 8192",
      },
    ]);
    expect(problemsOf({ vllm: { maxSequenceTokens: 639 } })).toMatchObject([
      { message: "the traffic has requests of 640 tokens", allowed: "at least 640" },
    ]);
  });

  test("is that of the architecture where the spec describes it", () => {
    const architecture = { kvHeads: 8, maxSequenceTokens: 1024 };
    expect(problemsOf({ architecture, vllm: { maxSequenceTokens: 1025 } })).toMatchObject([
      { allowed: "at most 1024" },
    ]);
  });

  test("has no upper bound where only measurements of a model are given", () => {
    expect(problemsOf({ name: "own", vllm: { maxSequenceTokens: 1e6 } })).toEqual([]);
  });
});

describe("GPUs of a replica", () => {
  test("share out the heads of a network equally, or the nearest number is named", () => {
    expect(problemsOf({ gpusPerReplica: 8 })).toEqual([]);
    expect(problemsOf({ gpusPerReplica: 3 })).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...modelPath, "gpusPerReplica"],
        message: "8 key/value heads cannot be shared out equally over 3 GPUs of a node",
        allowed: "2, which is nearest",
      },
    ]);
  });

  test("count those of a node, since nodes share out layers", () => {
    expect(problemsOf({ gpusPerReplica: 24, nodesPerReplica: 3 })).toEqual([]);
    expect(problemsOf({ gpusPerReplica: 12, nodesPerReplica: 2 })).toMatchObject([
      { message: expect.stringContaining("6 GPUs of a node"), allowed: "8, which is nearest" },
    ]);
  });

  test("are checked against the architecture of the spec, attention heads included", () => {
    const architecture = { kvHeads: 8, attentionHeads: 40 };
    expect(problemsOf({ architecture, gpusPerReplica: 16 })).toMatchObject([
      {
        message:
          "40 attention heads with 8 key/value heads cannot be shared out equally over 16 GPUs of a node",
      },
    ]);
    expect(problemsOf({ architecture: { kvHeads: 8 }, gpusPerReplica: 16 })).toEqual([]);
  });

  test("are the plan's to judge where the heads are unknown", () => {
    expect(problemsOf({ name: "own", gpusPerReplica: 3 })).toEqual([]);
    expect(problemsOf({ base: "mistral-7b", name: "own", gpusPerReplica: 3 })).toHaveLength(1);
  });
});

describe("the chart", () => {
  const helm = { deployment: "helm" };

  test("takes what it has values for", () => {
    expect(problemsOf({ autoscaling: { scaler: "keda", maxReplicas: 4 } }, helm)).toEqual([]);
  });

  test("runs no replica over several nodes", () => {
    expect(problemsOf({ gpusPerReplica: 16, nodesPerReplica: 2 }, helm)).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: [...modelPath, "nodesPerReplica"],
        message: "a replica of the chart cannot span 2 nodes without a Ray cluster",
        allowed: "deployment: standalone, which makes a LeaderWorkerSet",
      },
    ]);
  });

  test("leaves its replicas to KEDA only, whether a model or its engine says so", () => {
    expect(problemsOf({ autoscaling: { scaler: "hpa", maxReplicas: 4 } }, helm)).toMatchObject([
      { path: [...modelPath, "autoscaling", "scaler"], allowed: "keda, or deployment: standalone" },
    ]);
    expect(problemsOf({}, { ...helm, autoscaling: { scaler: "hpa" } })).toMatchObject([{ path: modelPath }]);
    expect(problemsOf({ autoscaling: { scaler: "hpa" } })).toEqual([]);
  });

  test("sets a few variables itself, and no container has one twice", () => {
    const environment = { HF_HOME: "/x", NCCL_DEBUG: "INFO", POD_IP: { secret: "a", key: "b" } };
    const message = (name: string) =>
      `the variable ${name} is set by the chart, and a container cannot have a variable twice`;
    expect(problemsOf({ environment }, helm)).toMatchObject([
      { path: [...modelPath, "environment", "HF_HOME"], message: message("HF_HOME") },
      { path: [...modelPath, "environment", "POD_IP"], message: message("POD_IP") },
    ]);
    expect(problemsOf({}, { ...helm, environment })).toHaveLength(2);
    expect(problemsOf({ environment })).toEqual([]);
  });
});
