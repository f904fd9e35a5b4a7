import { engineProfiles } from "../../../../platform/engines/registry.ts";
import { describe, expect, test } from "vitest";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { engineProblems } from "../../../../platform/spec/rules/engines.ts";

const catalog = "2026-11";
const bert = { name: "bert-base", traffic: [{ load: { rate: "1/min" } }] };
const llama = { name: "llama-3-8b", traffic: [{ load: { rate: "1/min", inputTokens: 1, outputTokens: 1 } }] };
const triton = { name: "tabular", type: "triton", storage: { dataset: "models" }, models: [bert] };
const vllm = { name: "chat", type: "vllm", storage: "s3://models", models: [llama] };
const domino = { datasets: [{ name: "models" }, { name: 5 }] };
const problemsOf = (engines: unknown, rest: Raw = {}) =>
  engineProblems({ catalog, metadata: { stage: "dev" }, domino, engines, ...rest }, ["L4"]);

describe("engines", () => {
  test("that agree with their profile and each other raise nothing", () => {
    expect(problemsOf([triton, vllm])).toEqual([]);
  });

  test("that are no mapping, or have no type yet, are the schema's to report", () => {
    expect(problemsOf("chat")).toEqual([]);
    expect(problemsOf([5, { name: "chat" }, { type: 5, models: [{}, {}, 7] }, {}])).toEqual([]);
  });

  test("and their models have names of their own", () => {
    expect(problemsOf([triton, { ...vllm, name: "tabular" }])).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["engines", 1, "name"],
        message: 'engine "tabular" is already defined at index 0',
      },
    ]);
    expect(problemsOf([{ ...triton, models: [bert, bert] }])).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["engines", 0, "models", 1, "name"],
        message: 'model "bert-base" is already defined at index 0',
      },
    ]);
  });

  test.each(["kserve", "ray-serve", "torchserve"])("of the planned type %s are not yet there", (type) => {
    expect(problemsOf([{ ...triton, type }])).toEqual([
      {
        code: "SPEC_KEY_NOT_YET_SUPPORTED",
        path: ["engines", 0, "type"],
        message: `engine type "${type}" is planned but not supported in this version`,
        allowed: Object.keys(engineProfiles).join(", "),
      },
    ]);
  });

  test("of a type that nobody planned are unknown, with the nearest", () => {
    expect(problemsOf([{ ...triton, type: "tritn" }])).toEqual([
      {
        code: "SPEC_ENGINE_UNKNOWN",
        path: ["engines", 0, "type"],
        message: 'engine type "tritn" is not known; did you mean "triton"?',
        allowed: Object.keys(engineProfiles).join(", "),
      },
    ]);
  });
});

test("an engine type that every object has is no engine", () => {
  expect(problemsOf([{ ...triton, type: "toString" }])).toMatchObject([
    { code: "SPEC_ENGINE_UNKNOWN", message: 'engine type "toString" is not known' },
  ]);
});

describe("an engine's storage", () => {
  test("is of a kind that it loads from", () => {
    expect(problemsOf([{ ...triton, storage: "hf://acme" }])).toContainEqual({
      code: "SPEC_STORAGE_UNSUPPORTED",
      path: ["engines", 0, "storage"],
      message: "NVIDIA Triton Inference Server cannot load models from hugging-face",
      allowed: engineProfiles.triton.storage.join(", "),
    });
    expect(problemsOf([{ ...vllm, storage: { dataset: "models" } }])).toEqual([]);
    expect(problemsOf([{ ...triton, storage: undefined }])).toEqual([]);
  });

  test("is a dataset that the spec defines", () => {
    const problem = {
      code: "SPEC_REFERENCE_UNKNOWN",
      path: ["engines", 0, "storage", "dataset"],
      message: 'dataset "modles" is not known; did you mean "models"?',
      allowed: "models, other",
    };
    const engines = [{ ...triton, storage: { dataset: "modles" } }];
    expect(
      problemsOf(engines, { domino: { datasets: [{ name: "models" }, { name: 5 }, { name: "other" }] } }),
    ).toEqual([problem]);
    expect(problemsOf(engines, { domino: {} })).toEqual([
      {
        ...problem,
        message: 'dataset "modles" is not known',
        allowed: "none are defined under domino.datasets",
      },
    ]);
  });
});

describe("an engine's loading and replicas", () => {
  test("are what the engine can do", () => {
    expect(problemsOf([{ ...vllm, loading: "on-demand" }])).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["engines", 0, "loading"],
        message: "vLLM cannot load models on-demand",
        allowed: "preload",
      },
    ]);
    for (const loading of ["preload", "on-demand"]) expect(problemsOf([{ ...triton, loading }])).toEqual([]);
    expect(problemsOf([{ ...vllm, loading: "preload" }])).toEqual([]);
    expect(problemsOf([{ ...vllm, loading: "later" }])).toEqual([]);
  });

  test("are one replica where models are loaded on demand", () => {
    expect(problemsOf([{ ...triton, loading: "on-demand", replicas: 2 }])).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["engines", 0, "replicas"],
        message:
          "an on-demand engine behind one Service cannot have 2 replicas: a model is loaded on one of them only",
        allowed: "1",
        remedy: "Use loading: preload, or several on-demand engines.",
      },
    ]);
    expect(problemsOf([{ ...triton, loading: "on-demand", replicas: 1 }])).toEqual([]);
    expect(problemsOf([{ ...triton, loading: "on-demand", replicas: "2" }])).toEqual([]);
    expect(problemsOf([{ ...triton, loading: "preload", replicas: 2 }])).toEqual([]);
  });

  test("are the models' own where every model has its replicas", () => {
    expect(problemsOf([{ ...vllm, replicas: 2 }])).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["engines", 0, "replicas"],
        atKey: true,
        message: "the models of a vllm engine have replicas of their own",
        allowed: "replicas in each model",
      },
    ]);
  });
});

describe("an engine's namespace", () => {
  const inNamespace = (namespace: unknown, stage: unknown = "dev") =>
    engineProblems({ catalog, metadata: { stage }, domino, engines: [{ ...vllm, namespace }] }, []);
  const conflict = (message: string) => [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: ["engines", 0, "namespace"],
      message,
      allowed: "a namespace of the platform's own",
    },
  ];

  test.each([
    "default",
    "domino-platform",
    "domino-compute",
    "domino-system",
    "kube-system",
    "kube-public",
    "karpenter",
    "cert-manager",
  ])("is not %s, which has an owner", (namespace) => {
    expect(inNamespace(namespace)).toEqual(
      conflict(`namespace "${namespace}" belongs to Domino or Kubernetes`),
    );
  });

  test.each([
    "my-default",
    "default-llm",
    "domino-compute-llm",
    "kube-",
    "my-karpenter",
    "karpenter2",
    "llm",
  ])("may be %s, which only looks like one of those", (namespace) => {
    expect(inNamespace(namespace)).toEqual([]);
  });

  test.each(["dev", "test", "prod", "local"])(
    "is the platform's own at stage %s and no other stage's",
    (stage) => {
      expect(inNamespace(`domino-inference-${stage}`, stage)).toEqual([]);
      expect(inNamespace(`domino-inference-${stage}`, "other")).toEqual(
        conflict(`namespace "domino-inference-${stage}" belongs to the platform of another stage`),
      );
      expect(inNamespace(`domino-inference-${stage}`, 5)).toHaveLength(1);
    },
  );

  test("may begin or end like a platform's", () => {
    expect(inNamespace("domino-inference-prod2")).toEqual([]);
    expect(inNamespace("my-domino-inference-prod")).toEqual([]);
  });

  test("is the schema's to refuse where it is no text", () => {
    expect(inNamespace(5)).toEqual([]);
  });
});

describe("the Service of a group", () => {
  const traffic = llama.traffic;
  const chat = (...models: object[]) => ({ ...vllm, models });
  const path = (engine: number, model: number) => ["engines", engine, "models", model, "name"];

  test("has a name of at most 63 characters", () => {
    const named = (length: number) => [chat({ ...llama, base: "llama-3-8b", name: "m".repeat(length) })];
    // chat-…-free
    expect(problemsOf(named(63 - 10))).toEqual([]);
    const name = `chat-${"m".repeat(54)}-free`;
    expect(problemsOf(named(54))).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: path(0, 0),
        message: `the Service of this model would be called "${name}", 64 characters`,
        allowed: "63 characters",
        remedy: "Shorten the name of the engine, the model or the service class.",
      },
    ]);
  });

  test.each(["inference-proxy", "inference-proxy-service"])(
    "is not called %s, as the proxy's own",
    (name) => {
      expect(
        problemsOf([{ ...triton, name, models: [bert, { ...bert, name: "second", base: "bert-base" }] }]),
      ).toEqual([
        {
          code: "SPEC_NAME_DUPLICATE",
          path: path(0, 0),
          message: `the Service of this model would be called "${name}", as the proxy's own`,
          remedy: "Rename the engine.",
        },
      ]);
    },
  );

  test("stands for one group, over all engines", () => {
    const other = { ...triton, name: "chat-llama-3-8b-free" };
    expect(problemsOf([vllm, other])).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: path(1, 0),
        message:
          'the Service "chat-llama-3-8b-free" would stand for chat/llama-3-8b//Free and for engine chat-llama-3-8b-free',
        remedy: "Rename one of the engines or models.",
      },
    ]);
  });

  test("stands for one version, where several run side by side", () => {
    const versions = [{ version: 2 }, { version: "1.0" }, { version: "1-0" }, {}];
    expect(problemsOf([chat({ ...llama, versions })])).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: path(0, 0),
        message:
          'the Service "chat-llama-3-8b-free-v1-0" would stand for chat/llama-3-8b/1.0/Free and for chat/llama-3-8b/1-0/Free',
        remedy: "Rename one of the engines or models.",
      },
    ]);
  });

  test("stands for one class, and traffic of the same class asks for it once", () => {
    const twice = [
      { ...traffic[0], serviceClass: "Gold" },
      { ...traffic[0], serviceClass: "Gold" },
    ];
    expect(
      problemsOf([chat({ ...llama, traffic: twice })], { serviceClasses: [{ name: "Gold" }] }),
    ).toMatchObject([{ code: "SPEC_NAME_DUPLICATE", path: ["engines", 0, "models", 0, "traffic", 1] }]);
  });

  test("cannot be named while engine, type or model have no name", () => {
    expect(problemsOf([vllm, { ...vllm, name: 5 }, { ...vllm, name: "c", type: 5 }])).toEqual([]);
    expect(problemsOf([chat({ ...llama, name: 5 }, { ...llama, name: 6 })])).toEqual([]);
  });
});
