import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../../optimizer/catalog/registry.ts";
import { engineProfiles } from "../../../../platform/engines/registry.ts";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { modelProblems } from "../../../../platform/spec/rules/models.ts";

const catalog = "2026-11";
const names = (catalogOf(catalog)?.models ?? []).map(({ name }) => name).join(", ");
const path = ["engines", 0, "models", 1] as const;
const traffic = [{ load: { rate: "1/min", inputTokens: 512, outputTokens: 128 } }];

const ofVllm = (model: Raw, spec: Raw = {}) =>
  modelProblems({ catalog, ...spec }, { name: "llama-3-8b", traffic, ...model }, path, engineProfiles.vllm, [
    "L4",
  ]);
const ofTriton = (model: Raw, spec: Raw = {}) =>
  modelProblems(
    { catalog, ...spec },
    { name: "bert-base", traffic: [{ load: { rate: "1/min" } }], ...model },
    path,
    engineProfiles.triton,
    ["L4"],
  );

test("a model that agrees with its engine raises nothing", () => {
  expect(ofVllm({})).toEqual([]);
  expect(ofTriton({})).toEqual([]);
});

describe("a model's versions", () => {
  test("differ", () => {
    expect(
      ofVllm({
        versions: [
          { version: 1, weight: 50 },
          { version: "1", weight: 50 },
        ],
      }),
    ).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: [...path, "versions", 1, "version"],
        message: 'version "1" is already defined at index 0',
      },
    ]);
  });

  test("are given in one way", () => {
    expect(ofVllm({ version: 1, versions: [{ version: 1, weight: 100 }] })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "version"],
        atKey: true,
        message: "version and versions are both given",
        allowed: "one of them",
      },
    ]);
    expect(ofVllm({ version: 1 })).toEqual([]);
  });

  test("have weights of 100 together, up to what rounding leaves", () => {
    const weighted = (...weights: unknown[]) =>
      ofVllm({ versions: weights.map((weight, index) => ({ version: index, weight })) });
    expect(weighted(90, 20)).toEqual([
      {
        code: "SPEC_WEIGHTS_INVALID",
        path: [...path, "versions"],
        message: "the weights 90 + 20 add up to 110",
        allowed: "100",
      },
    ]);
    expect(weighted(33.3, 33.3, 33.4)).toEqual([]);
    expect(weighted(0.1, 0.2, 99.7)).toEqual([]);
    expect(weighted(50, 49)).toHaveLength(1);
    expect(weighted(50, 50.00001)).toHaveLength(1);
    expect(weighted("90", 20)).toEqual([]);
    expect(weighted()).toEqual([]);
  });
});

describe("what is known of a model", () => {
  const unknown = { code: "SPEC_MODEL_UNKNOWN", path: [...path, "name"] };

  test("is found by its base, else by its name", () => {
    expect(ofVllm({ name: "mine", base: "llama-3-8b" })).toEqual([]);
    expect(ofVllm({ base: "llama-4-8b" })).toEqual([
      {
        code: "SPEC_MODEL_UNKNOWN",
        path: [...path, "base"],
        message: 'model "llama-4-8b" is not known; did you mean "llama-3-8b"?',
        allowed: names,
      },
    ]);
    expect(ofVllm({ name: "xylophone" })).toEqual([
      {
        ...unknown,
        message: 'model "xylophone" is not known',
        allowed: `base (${names}), architecture or profiles`,
      },
    ]);
  });

  test("may be its network or measurements alone", () => {
    expect(ofVllm({ name: "mine", architecture: { task: "generation" } })).toEqual([]);
    expect(ofVllm({ name: "mine", profiles: [] })).toEqual([]);
    expect(ofVllm({ name: "mine", base: "none", profiles: [] })).toHaveLength(1);
  });

  test("cannot be judged without a catalog or a name", () => {
    expect(ofVllm({ name: "mine" }, { catalog: "none" })).toEqual([]);
    expect(ofVllm({ name: "mine" }, { catalog: 5 })).toEqual([]);
    expect(ofVllm({ name: 5 })).toEqual([]);
  });

  test("fits the engine: by the written network, else by the catalog's", () => {
    const wrong = (name: string, task: string, title: string, allowed: string) => [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "name"],
        message: `${name} is a ${task} model, which ${title} does not serve here`,
        allowed,
      },
    ];
    const triton = "NVIDIA Triton Inference Server";
    expect(ofTriton({ name: "llama-3-8b" })).toEqual(
      wrong("llama-3-8b", "generation", triton, "a request-response model"),
    );
    expect(ofTriton({ architecture: { task: "generation" } })).toEqual(
      wrong("bert-base", "generation", triton, "a request-response model"),
    );
    expect(ofVllm({ architecture: { task: "request-response" } })).toEqual(
      wrong("llama-3-8b", "request-response", "vLLM", "a generation model"),
    );
    expect(ofVllm({ architecture: {} })).toEqual([]);
    expect(modelProblems({ catalog }, { name: "bert-base" }, path, undefined, [])).toEqual([]);
  });

  test("bounds the sequences of its load", () => {
    const loaded = (inputTokens: unknown, outputTokens: unknown) => ({
      traffic: [...traffic, { serviceClass: "Gold", load: { inputTokens, outputTokens } }],
    });
    const classes = { serviceClasses: [{ name: "Gold" }] };
    expect(ofVllm(loaded(8_000, 192), classes)).toEqual([]);
    expect(ofVllm(loaded(8_000, 193), classes)).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "traffic", 1, "load", "inputTokens"],
        message: "inputTokens and outputTokens are 8193 together",
        allowed: "8192, the longest sequence of the model",
      },
    ]);
    expect(ofVllm(loaded("9000", 193), classes)).toEqual([]);
    expect(ofVllm(loaded(9000, "193"), classes)).toHaveLength(1);
    const written = { architecture: { task: "generation", maxSequenceTokens: 639 } };
    expect(ofVllm(written)).toMatchObject([{ allowed: "639, the longest sequence of the model" }]);
    expect(ofVllm({ architecture: { task: "generation", maxSequenceTokens: "639" } })).toEqual([]);
  });

  test("names accelerators that there are, where it was measured", () => {
    expect(ofVllm({ profiles: [{ accelerator: "L4" }, { accelerator: 5 }, { accelerator: "L5" }] })).toEqual([
      {
        code: "SPEC_ACCELERATOR_UNKNOWN",
        path: [...path, "profiles", 2, "accelerator"],
        message: 'accelerator "L5" is not known; did you mean "L4"?',
        allowed: "L4",
      },
    ]);
    expect(ofVllm({ profiles: [{ accelerator: "L5" }] }, { catalog: "none" })).toEqual([]);
    expect(ofVllm({ profiles: [{ accelerator: "L5" }] }, { catalog: 5 })).toEqual([]);
  });
});

describe("a measurement on less than a card", () => {
  const names = ["L4", "CPU", "H100-80G-1g.10gb"];
  const problemsOf = (type: "triton" | "vllm", ...profiles: Raw[]) => {
    const model = { ...(type === "vllm" ? { name: "llama-3-8b" } : { name: "bert-base" }), profiles };
    return modelProblems({ catalog }, model, path, engineProfiles[type], names);
  };

  test("is of an engine that runs there", () => {
    expect(problemsOf("triton", { accelerator: "CPU" }, { accelerator: "H100-80G-1g.10gb" })).toEqual([]);
    expect(problemsOf("vllm", { accelerator: "H100-80G-1g.10gb" }, { accelerator: "CPU" })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "profiles", 1, "accelerator"],
        message: "vllm does not run on CPU",
        allowed: "an accelerator with a GPU",
      },
    ]);
  });

  test("is of one slice or share a replica, where cards may be several", () => {
    const two = (accelerator: string) => ({ accelerator, gpusPerReplica: 2 });
    expect(problemsOf("vllm", two("L4"))).toEqual([]);
    expect(problemsOf("vllm", two("H100-80G-1g.10gb"))).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "profiles", 0, "gpusPerReplica"],
        message: "a replica cannot use 2 of H100-80G-1g.10gb together",
        allowed: "1",
      },
    ]);
    expect(problemsOf("triton", two("CPU"))).toMatchObject([{ allowed: "1" }]);
  });
});

describe("a model's replicas", () => {
  test("are the engine's where models share them", () => {
    expect(ofTriton({ replicas: 2 })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...path, "replicas"],
        atKey: true,
        message: "the models of a triton engine share its replicas",
        allowed: "replicas of the engine",
      },
    ]);
    expect(ofVllm({ replicas: 2 })).toEqual([]);
    expect(modelProblems({ catalog }, { name: "bert-base", replicas: 2 }, path, undefined, [])).toEqual([]);
  });
});

describe("a model's traffic", () => {
  const load = traffic[0]?.load;

  test("is of classes that there are, each once", () => {
    const serviceClasses = [{ name: "Gold", priority: 1 }];
    expect(ofVllm({ traffic: [{ serviceClass: "Gold", load }, { load }] }, { serviceClasses })).toEqual([]);
    expect(
      ofVllm(
        { traffic: [{ serviceClass: "Gld", load }, { load }, { serviceClass: "Free", load }] },
        { serviceClasses },
      ),
    ).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...path, "traffic", 0, "serviceClass"],
        message: 'service class "Gld" is not known; did you mean "Gold"?',
        allowed: "Gold, Free",
      },
      {
        code: "SPEC_NAME_DUPLICATE",
        path: [...path, "traffic", 2],
        message: 'traffic of service class "Free" is given twice',
      },
    ]);
  });

  test("says how many tokens, and only of a model that makes them", () => {
    const missing = (key: string) => ({
      code: "SPEC_KEY_MISSING",
      path: [...path, "traffic", 0, "load", key],
      message: `${key} is missing`,
      allowed: "required for models that generate tokens",
    });
    const needless = (key: string) => ({
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "traffic", 0, "load", key],
      atKey: true,
      message: `${key} does not apply to a request-response model`,
      allowed: "rate, daily",
    });
    expect(ofVllm({ traffic: [{ load: { rate: "1/min" } }] })).toEqual([
      missing("inputTokens"),
      missing("outputTokens"),
    ]);
    expect(ofVllm({ traffic: [{}] })).toEqual([]);
    expect(ofTriton({ traffic: [{ load: { inputTokens: 1, outputTokens: 1 } }] })).toEqual([
      needless("inputTokens"),
      needless("outputTokens"),
    ]);
  });

  test("has targets that mean something for the model; others are the schema's to report", () => {
    const all = ["ttftMean", "ttftP95", "itlMean", "itlP95", "latencyMean", "latencyP95"];
    const slo = Object.fromEntries([...all, "throughput"].map((target) => [target, "1s"]));
    expect(ofVllm({ traffic: [{ slo, load }] })).toEqual([]);
    expect(ofTriton({ traffic: [{ slo, load: { rate: "1/min" } }] })).toEqual(
      ["ttftMean", "ttftP95", "itlMean", "itlP95"].map((target) => ({
        code: "SPEC_SLO_UNSUPPORTED",
        path: [...path, "traffic", 0, "slo", target],
        atKey: true,
        message: `${target} does not apply to a request-response model`,
        allowed: "latencyMean, latencyP95",
      })),
    );
  });

  test("is not judged by kind while the engine's type is unknown", () => {
    const raw = { name: "bert-base", traffic: [{ load: {} }, { load: {} }] };
    expect(modelProblems({ catalog }, raw, path, undefined, [])).toMatchObject([
      { code: "SPEC_NAME_DUPLICATE" },
    ]);
  });
});
