import { describe, expect, test } from "vitest";
import { tritonProblems } from "../../../../platform/engines/triton/rules.ts";
import type { RuleProblem } from "../../../../platform/spec/rules.ts";

const path = ["engines", 2];
const inEnsemble = (...rest: PropertyKey[]) => [...path, "models", 2, "triton", ...rest];
const inStep = (index: number, ...rest: PropertyKey[]) => inEnsemble("ensemble", "steps", index, ...rest);

const steps = [
  { model: "tokenizer", inputs: { text: "raw" }, outputs: { ids: "ids" } },
  { model: "bert", version: 2, inputs: { ids: "ids" }, outputs: { logits: "score" } },
];
const pipeline = {
  inputs: [{ name: "raw" }],
  outputs: [{ name: "score" }],
  ensemble: { steps },
};
const tokenizer = { inputs: [{ name: "text" }], outputs: [{ name: "ids" }] };

interface Change {
  readonly pipeline?: object;
  readonly tokenizer?: object;
  readonly engine?: object;
}

function problemsOf(change: Change = {}): readonly RuleProblem[] {
  const models = [
    { name: "tokenizer", triton: { ...tokenizer, ...change.tokenizer } },
    { name: "bert", versions: [{ version: 1 }, { version: 2 }] },
    { name: "pipeline", triton: { ...pipeline, ...change.pipeline } },
  ];
  const engine = { type: "triton", storage: "pvc://models", replicas: 2, models, ...change.engine };
  return tritonProblems(engine, { spec: {}, path });
}
const withSteps = (...changed: object[]) => problemsOf({ pipeline: { ensemble: { steps: changed } } });
const [first, second] = steps;

test("an ensemble whose steps and tensors fit together has no problems", () => {
  expect(problemsOf()).toEqual([]);
});

describe("the steps of an ensemble", () => {
  test("are models of the same engine", () => {
    expect(withSteps({ ...first, model: "tokeniser" }, { ...second })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inStep(0, "model"),
        message: 'model of this engine "tokeniser" is not known; did you mean "tokenizer"?',
        allowed: "tokenizer, bert",
      },
    ]);
  });

  test("are of versions in use", () => {
    expect(withSteps({ ...first }, { ...second, version: 3 })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inStep(1, "version"),
        message: 'version 3 of "bert" is not in use',
        allowed: "1, 2",
      },
    ]);
  });

  test("do not lead back to it", () => {
    expect(withSteps({ ...first }, { ...second, model: "pipeline", version: 1 })).toContainEqual({
      code: "SPEC_VALUE_CONFLICT",
      path: inEnsemble("ensemble"),
      atKey: true,
      message: 'the ensemble "pipeline" comes back to itself',
      allowed: "steps that do not lead back",
    });
    const around = { ensemble: { steps: [{ model: "pipeline", inputs: {}, outputs: {} }] } };
    expect(
      problemsOf({ tokenizer: around }).filter(({ message }) => message.includes("itself")),
    ).toHaveLength(2);
  });
});

describe("an ensemble", () => {
  test("says what its tensors are: it has no file to read them from", () => {
    expect(problemsOf({ pipeline: { outputs: undefined } })).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: inEnsemble("outputs") },
    ]);
  });

  test("says nothing of how files are run", () => {
    const keys = { backend: "python", instances: [{}], rateLimiter: {}, dynamicBatching: {}, warmup: [] };
    expect(problemsOf({ pipeline: keys }).map(({ path: place }) => place.at(-1))).toEqual([
      "backend",
      "dynamicBatching",
      "instances",
      "warmup",
      "rateLimiter",
    ]);
  });
});

describe("what is said of a tensor", () => {
  const typed = (datatype: string, ...shape: number[]) => ({ datatype, shape });
  const problemsWith = (raw: object, tensor: object, batching?: boolean) =>
    problemsOf({
      pipeline: { inputs: [{ name: "raw", ...raw }] },
      tokenizer: { inputs: [{ name: "text", ...tensor }], ...(batching === undefined ? {} : { batching }) },
    }).filter(({ path: place }) => place.includes("ensemble"));

  test("is the same on both sides", () => {
    expect(problemsWith(typed("BYTES", 1), typed("BYTES", 1))).toEqual([]);
    expect(problemsWith(typed("BYTES", 1), typed("INT64", 1))).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inStep(0, "inputs", "text"),
        message: 'the tensor "raw" is BYTES and INT64 (inputs of the ensemble; inputs of "tokenizer")',
        allowed: "the same datatype and shape on both sides; -1 in a shape is any size",
      },
    ]);
    expect(problemsWith(typed("BYTES", 1), typed("BYTES", 1, 1))).toMatchObject([
      { message: expect.stringContaining("is [-1, 1] and [-1, 1, 1]") as string },
    ]);
    expect(problemsWith(typed("BYTES", 4), typed("BYTES", 8))).toHaveLength(1);
  });

  test("may leave the size open, and the batch to a model that takes it as a dimension", () => {
    expect(problemsWith(typed("BYTES", -1), typed("BYTES", 8))).toEqual([]);
    expect(problemsWith(typed("BYTES", 8), typed("BYTES", -1, 8), false)).toEqual([]);
    expect(problemsWith(typed("BYTES", 8), typed("BYTES", 8), false)).toHaveLength(1);
  });

  test("is not judged where one side says nothing", () => {
    expect(problemsWith({}, typed("BYTES", 8))).toEqual([]);
  });
});

describe("the tensors of an ensemble", () => {
  test("come from its inputs or from a step", () => {
    expect(
      withSteps({ ...first, inputs: { text: "row" } }, { ...second, outputs: { logits: "scores" } }),
    ).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inStep(0, "inputs", "text"),
        message: 'tensor of the ensemble "row" is not known; did you mean "raw"?',
        allowed: "raw, ids, scores",
      },
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inEnsemble("outputs", 0, "name"),
        message: 'tensor of the ensemble "score" is not known; did you mean "scores"?',
        allowed: "raw, ids, scores",
      },
    ]);
  });

  test("are read by somebody", () => {
    expect(problemsOf({ pipeline: { inputs: [{ name: "raw" }, { name: "more" }] } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: inEnsemble("inputs", 1, "name"),
        message: 'nobody reads the tensor "more"',
        allowed: "inputs that a step reads",
      },
    ]);
    const third = { model: "bert", inputs: { ids: "ids" }, outputs: { logits: "more" } };
    expect(withSteps({ ...first }, { ...second }, third)).toMatchObject([
      {
        path: inStep(2, "outputs", "logits"),
        allowed: "outputs that another step or the ensemble hands on",
      },
    ]);
  });

  test("come from one place", () => {
    expect(withSteps({ ...first, outputs: { ids: "raw" } }, { ...second, inputs: { ids: "raw" } })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: inStep(0, "outputs", "ids"),
        message: 'the tensor "raw" comes from somewhere else already',
      },
    ]);
  });

  test("are called in a step as its model calls them, and none that it needs is left out", () => {
    expect(withSteps({ ...first, inputs: { txt: "raw" } }, { ...second })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: inStep(0, "inputs", "txt"),
        atKey: true,
        message: 'input of "tokenizer" "txt" is not known; did you mean "text"?',
        allowed: "text",
      },
      {
        code: "SPEC_KEY_MISSING",
        path: inStep(0, "inputs"),
        message: 'the step gives nothing to the input "text" of "tokenizer"',
        allowed: "every input of the model that is not optional",
      },
    ]);
  });

  test("are not judged where a model says nothing of its own", () => {
    expect(problemsOf({ tokenizer: { inputs: undefined, outputs: undefined } })).toEqual([]);
  });
});
