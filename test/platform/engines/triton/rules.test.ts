import { batchingProblems } from "../../../../platform/engines/triton/batching-rules.ts";
import { catalogOf } from "../../../../optimizer/catalog/registry.ts";
import { present } from "../../../components/support/present.ts";
import { describe, expect, test } from "vitest";
import { tritonProblems } from "../../../../platform/engines/triton/rules.ts";
import type { RuleProblem } from "../../../../platform/spec/rules.ts";

const path = ["engines", 0];

/** An accelerator of the catalog that is none. */
const cpu = present(
  catalogOf("2026-11")?.partial.accelerators.find(({ device }) => device?.kind === "cpu")?.name,
);

function problemsOf(engine: Readonly<Record<string, unknown>>): readonly RuleProblem[] {
  return tritonProblems({ type: "triton", storage: "pvc://models", ...engine }, { spec: {}, path });
}
/** Of an engine with one model. */
function problemsOfModel(model: object, engine: object = {}): readonly RuleProblem[] {
  return problemsOf({ ...engine, models: [{ name: "bert", ...model }] });
}
const inModel = (...rest: PropertyKey[]) => [...path, "models", 0, ...rest];
const inOptions = (...rest: PropertyKey[]) => inModel("triton", ...rest);

test("a model with nothing but a name has no problems, nor has what is no engine at all", () => {
  expect(problemsOfModel({})).toEqual([]);
  expect(problemsOf({ models: "none" })).toEqual([]);
  expect(problemsOfModel({ triton: 7, versions: {}, version: [] })).toEqual([]);
});

describe("versions", () => {
  test.each(["2026-05", "0", "03", "v1", "1.0", "1234567890123456"])(
    "%s is none that Triton serves",
    (version) => {
      expect(problemsOfModel({ version })).toEqual([
        {
          code: "SPEC_VALUE_CONFLICT",
          path: inModel("version"),
          message: `Triton cannot serve version "${version}": its versions are numbers`,
          allowed: "a whole number from 1, without leading zeros",
          remedy: "Register the model under a number, as MLflow does.",
        },
      ]);
    },
  );

  test("may be numbers, as numbers or as text, alone or side by side", () => {
    expect(problemsOfModel({ version: 3 })).toEqual([]);
    expect(problemsOfModel({ versions: [{ version: "10" }, { version: 2 }] })).toEqual([]);
    expect(problemsOfModel({ versions: [{ version: 1 }, { version: "next" }] })).toMatchObject([
      { path: inModel("versions", 1, "version") },
    ]);
  });
});

describe("backends", () => {
  const trtllm = { backend: "tensorrtllm" };
  test("are those of the image", () => {
    for (const backend of ["onnxruntime", "pytorch", "tensorrt", "python", "openvino", "fil", "dali"]) {
      expect(problemsOfModel({ triton: { backend } })).toEqual([]);
    }
    expect(problemsOfModel({ triton: trtllm })).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: inOptions("backend"),
        message: expect.stringMatching(
          /^backend "tensorrtllm" is not known.* in nvcr\.io\/nvidia\/tritonserver:/,
        ) as string,
        allowed: "onnxruntime, pytorch, tensorrt, python, openvino, fil, dali",
        remedy: "Set image of the engine to one whose tag ends in trtllm-python-py3.",
      },
    ]);
    expect(problemsOfModel({ triton: { backend: "onxruntime" } })).toMatchObject([
      {
        message: expect.stringContaining('did you mean "onnxruntime"?') as string,
        remedy: "Set image of the engine to one that has the backend.",
      },
    ]);
  });

  test("follow the variant of NVIDIA's image, in a mirror and with a digest too", () => {
    const image = "nvcr.io/nvidia/tritonserver:26.07-trtllm-python-py3";
    expect(problemsOfModel({ triton: trtllm }, { image })).toEqual([]);
    const mirror = `quay.bank/nvidia/tritonserver:26.07-py3@sha256:${"a".repeat(64)}`;
    expect(problemsOfModel({ triton: trtllm }, { image: mirror })).toHaveLength(1);
    expect(problemsOfModel({ triton: { backend: "fil" } }, { image })).toHaveLength(1);
  });

  test("of an image of one's own are not known", () => {
    expect(problemsOfModel({ triton: { backend: "own" } }, { image: "quay.bank/triton:7" })).toEqual([]);
  });
});

describe("models that need a GPU", () => {
  const options = { backend: "tensorrt", instances: [{ kind: "auto" }, { kind: "gpu" }] };
  const problemsWith = (use?: readonly string[]) =>
    tritonProblems(
      { type: "triton", storage: "pvc://models", models: [{ name: "bert", triton: options }] },
      { spec: { catalog: "2026-11", ...(use ? { accelerators: { use } } : {}) }, path },
    );

  test("are refused where the plan may choose nodes without one", () => {
    expect(problemsWith(["L4", cpu])).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: inOptions("backend"),
        message: `the backend tensorrt needs a GPU, and accelerators.use lets the plan choose ${cpu}`,
        allowed: "onnxruntime, pytorch, openvino, python, fil",
        remedy: `Leave ${cpu} out of accelerators.use, or use what is allowed.`,
      },
      expect.objectContaining({ path: inOptions("instances", 1, "kind"), allowed: "auto or cpu" }),
    ]);
  });

  test("are taken where there are GPUs only, as by default", () => {
    expect(problemsWith(["L4"])).toEqual([]);
    expect(problemsWith()).toEqual([]);
  });
});

describe("the environment of a Python model", () => {
  const withEnvironment = (EXECUTION_ENV_PATH: string, options: object = {}) =>
    problemsOfModel({ triton: { ...options, parameters: { EXECUTION_ENV_PATH } } });

  test("is a file beside the versions, or anywhere in the image", () => {
    expect(withEnvironment("$$TRITON_MODEL_DIRECTORY/env.tar.gz")).toEqual([]);
    expect(withEnvironment("/opt/env", { backend: "python" })).toEqual([]);
    expect(withEnvironment("env.tar.gz")).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: inOptions("parameters", "EXECUTION_ENV_PATH") },
    ]);
  });

  test("is of no use to another backend", () => {
    expect(withEnvironment("/opt/env", { backend: "onnxruntime" })).toMatchObject([
      { code: "SPEC_COMBINATION_UNSUPPORTED", atKey: true, allowed: "backend: python" },
    ]);
  });
});

describe("batches", () => {
  const options = { dynamicBatching: { preferredSizes: [4, 16] }, warmup: [{ name: "w", batchSize: 9 }] };

  test("are not preferred, nor used to warm up, beyond what the model is planned with", () => {
    const above = [
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inOptions("dynamicBatching", "preferredSizes", 1),
        message: "a batch of 16 is larger than the model's largest, 8",
        allowed: "at most 8",
      },
      expect.objectContaining({ path: inOptions("warmup", 0, "batchSize") }),
    ];
    expect(problemsOfModel({ maxBatchSize: 8, triton: options })).toEqual(above);
    const profiles = [{ maxBatchSize: 4 }, { maxBatchSize: 8 }];
    expect(problemsOfModel({ profiles, maxBatchSize: 32, triton: options })).toEqual(above);
    expect(problemsOfModel({ triton: options })).toEqual([]);
  });

  test("are not planned for a model that takes none", () => {
    expect(problemsOfModel({ triton: { batching: false } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inOptions("batching"),
        message: "the model takes no batches, and the plan would count on them",
        allowed: "batching: false together with maxBatchSize: 1",
        remedy: "Add maxBatchSize: 1 to the model.",
      },
    ]);
    expect(problemsOfModel({ maxBatchSize: 1, triton: { batching: false } })).toEqual([]);
    expect(
      problemsOfModel({ maxBatchSize: 1, triton: { batching: false, dynamicBatching: {} } }),
    ).toMatchObject([{ path: inOptions("dynamicBatching"), atKey: true }]);
  });
});

describe("answers in the order of the requests", () => {
  const problemsWith = (more: object) =>
    problemsOfModel({ triton: { dynamicBatching: { preserveOrdering: true, ...more } } });

  test("do not go together with requests that overtake others", () => {
    expect(problemsWith({ priorities: { levels: 2 }, queuePolicy: { onTimeout: "delay" } })).toMatchObject([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: inOptions("dynamicBatching", "preserveOrdering"),
        message:
          "preserveOrdering answers in the order of the requests, which priorities with 2 levels changes",
      },
      { message: "preserveOrdering answers in the order of the requests, which onTimeout: delay changes" },
    ]);
  });

  test("go together with one level, and with requests that are rejected", () => {
    expect(problemsWith({ priorities: { levels: 1 }, queuePolicy: { onTimeout: "reject" } })).toEqual([]);
    expect(problemsWith({ preserveOrdering: false, priorities: { levels: 2 } })).toEqual([]);
  });
});

describe("tensors", () => {
  test.each([
    [[4], [2, 2]],
    [[1], []],
    [
      [-1, 6, -1],
      [-1, 2, 3, -1],
    ],
    [
      [2, -1],
      [2, 1, -1, 1],
    ],
  ])("of shape %j may be reshaped to %j", (shape, reshape) => {
    expect(problemsOfModel({ triton: { inputs: [{ name: "x", shape, reshape }] } })).toEqual([]);
  });

  test.each([
    [[4], [2, 3]],
    [[2], []],
    [[-1], [4]],
    [
      [-1, 6],
      [6, -1],
    ],
  ])("of shape %j may not be reshaped to %j", (shape, reshape) => {
    expect(problemsOfModel({ triton: { outputs: [{ name: "x", shape, reshape }] } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inOptions("outputs", 0, "reshape"),
        message: `[${reshape.join(", ")}] does not hold the elements of "x" with shape [${shape.join(", ")}]`,
        allowed: "as many elements, and as many sizes of -1 with as many elements between them",
      },
    ]);
  });

  test("have names of their own", () => {
    const twice = [{ name: "x" }, { name: "x" }];
    expect(problemsOfModel({ triton: { inputs: twice, outputs: twice } })).toMatchObject([
      { code: "SPEC_NAME_DUPLICATE", path: inOptions("inputs", 1, "name") },
      { code: "SPEC_NAME_DUPLICATE", path: inOptions("outputs", 1, "name") },
    ]);
  });

  test("of a warm-up are the inputs that the model declares, all that it needs", () => {
    const inputs = [{ name: "ids" }, { name: "mask" }, { name: "more", optional: true }];
    const warmup = [{ name: "w", inputs: { ids: {}, maks: {} } }];
    expect(problemsOfModel({ triton: { inputs, warmup } })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inOptions("warmup", 0, "inputs", "maks"),
        atKey: true,
        message: 'the model has no input "maks"',
        allowed: "ids, mask, more",
      },
      {
        code: "SPEC_KEY_MISSING",
        path: inOptions("warmup", 0, "inputs"),
        message: 'the warm-up has no tensor for the input "mask"',
        allowed: "every input that is not optional",
      },
    ]);
    expect(problemsOfModel({ triton: { warmup } })).toEqual([]);
  });
});

describe("extraConfig", () => {
  const problemsOfText = (extraConfig: string, options: object = {}) =>
    problemsOfModel({ triton: { ...options, extraConfig } });

  test("may set what no other key sets", () => {
    expect(problemsOfText("optimization { cuda { graphs: true } }\nresponse_cache { enable: true }")).toEqual(
      [],
    );
  });

  test("may not set what follows from the spec", () => {
    expect(problemsOfText("version_policy { latest { num_versions: 1 } }")).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: inOptions("extraConfig"),
        message: "extraConfig sets version_policy, which follows from other keys",
        allowed: "version or versions of the model",
      },
    ]);
    for (const field of ["name", "backend", "platform", "max_batch_size", "input", "instance_group"]) {
      expect(problemsOfText(`${field}: "x"`)).toHaveLength(1);
    }
  });

  test("has only fields that there are", () => {
    expect(problemsOfText("optimisation {}")).toMatchObject([
      {
        code: "SPEC_KEY_UNKNOWN",
        message: expect.stringContaining('did you mean "optimization"?') as string,
      },
    ]);
  });

  test("does not optimise an ensemble, which runs nothing itself", () => {
    const ensemble = { steps: [] };
    expect(problemsOfText("optimization {}", { ensemble })).toContainEqual({
      code: "SPEC_COMBINATION_UNSUPPORTED",
      path: inOptions("extraConfig"),
      message: "an ensemble runs nothing itself that optimization could speak of",
      allowed: "optimization of the models of its steps",
    });
  });

  test("is read before a server has to", () => {
    expect(problemsOfText("optimization {")).toMatchObject([
      { code: "SPEC_TYPE_INVALID", message: "the text has no } at its end" },
    ]);
    expect(problemsOfText("nonsense")).toMatchObject([{ message: "the text sets no field" }]);
  });

  test("does not schedule a model that is scheduled already", () => {
    expect(problemsOfText("sequence_batching {}", { dynamicBatching: {} })).toMatchObject([
      { message: "sequence_batching and dynamicBatching are two ways to schedule one model" },
    ]);
    expect(problemsOfText("sequence_batching {}")).toEqual([]);
  });
});

describe("rate limiters", () => {
  const models = [{ name: "bert", triton: { rateLimiter: { resources: [{ name: "R1", count: 5 }] } } }];

  test("take no more than there is", () => {
    expect(problemsOf({ triton: { rateLimiterResources: { R1: 4 } }, models })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inOptions("rateLimiter", "resources", 0, "count"),
        message: "an execution takes 5 of R1, of which the engine has 4",
        allowed: "at most 4",
      },
    ]);
    expect(problemsOf({ triton: { rateLimiterResources: { R1: 5 } }, models })).toEqual([]);
    expect(problemsOf({ models })).toEqual([]);
  });

  test("name the resources that the engine counts", () => {
    expect(problemsOf({ triton: { rateLimiterResources: { R1: 9, R3: 1 } }, models })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...path, "triton", "rateLimiterResources", "R3"],
        atKey: true,
        message: 'resource of a rateLimiter "R3" is not known; did you mean "R1"?',
        allowed: "R1",
      },
    ]);
  });
});

describe("artifacts", () => {
  const artifacts = { "3": "s3://blobs/mlflow/7f/artifacts/model" };

  test("are staged onto volumes only", () => {
    for (const storage of ["pvc://models", { dataset: "d", path: "p" }, { fsx: {}, path: "p" }]) {
      expect(problemsOfModel({ version: 3, triton: { artifacts } }, { storage })).toEqual([]);
    }
    for (const storage of [
      "s3://models",
      { s3: "s3://models", access: "mount" },
      "oci://registry/models:1",
    ]) {
      expect(problemsOfModel({ version: 3, triton: { artifacts } }, { storage })).toMatchObject([
        { code: "SPEC_COMBINATION_UNSUPPORTED", path: inOptions("artifacts"), atKey: true },
      ]);
    }
  });

  test("are of versions in use", () => {
    expect(problemsOfModel({ version: 4, triton: { artifacts } })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inOptions("artifacts", "3"),
        atKey: true,
        message: "version 3 of the model is not in use",
        allowed: "4",
      },
    ]);
  });

  test("come from one bucket", () => {
    const two = { "3": "s3://blobs/a", "4": "s3://other/b" };
    const versions = [{ version: 3 }, { version: 4 }];
    expect(problemsOfModel({ versions, triton: { artifacts: two } })).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: inOptions("artifacts", "4"), allowed: "s3://blobs/…" },
    ]);
  });
});

test("a queue delay leaves room below the tightest latency target", () => {
  const model = (queueDelay: string) => ({
    name: "bert",
    triton: { dynamicBatching: { queueDelay } },
    traffic: [{ slo: { latencyP95: "200ms" } }, { slo: { latencyMean: "50ms" } }],
  });
  expect(batchingProblems(model("5ms"), ["model"])).toEqual([]);
  expect(batchingProblems(model("50ms"), ["model"])).toMatchObject([
    {
      code: "SPEC_VALUE_CONFLICT",
      path: ["model", "triton", "dynamicBatching", "queueDelay"],
      message: "requests may wait 50 ms for a batch, and the tightest latency target is 50 ms",
    },
  ]);
});
