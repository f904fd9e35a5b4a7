import { describe, expect, test } from "vitest";
import { tritonEngineOptionsSchema } from "../../../../platform/engines/triton/engine-options.ts";
import { tritonModelOptionsSchema } from "../../../../platform/engines/triton/model-options.ts";

const accepts = (options: object) => tritonModelOptionsSchema.safeParse(options).success;
const tensor = { name: "x", datatype: "FP32", shape: [-1] };

test("nothing is required", () => {
  expect(tritonModelOptionsSchema.parse({})).toEqual({});
  expect(tritonEngineOptionsSchema.parse({})).toEqual({});
});

test("unknown keys are refused, at every depth", () => {
  expect(accepts({ dynamicBatch: {} })).toBe(false);
  expect(accepts({ dynamicBatching: { queueDelayMs: 5 } })).toBe(false);
  expect(accepts({ inputs: [{ ...tensor, dims: [1] }] })).toBe(false);
  expect(tritonEngineOptionsSchema.safeParse({ verbose: 1 }).success).toBe(false);
});

describe("tensors", () => {
  test.each([
    ["a scalar", { shape: [] }],
    ["a dimension of zero", { shape: [0] }],
    ["a dimension of -2", { shape: [-2] }],
    ["a datatype of another protocol", { datatype: "TYPE_FP32" }],
    ["a name with a space", { name: "x y" }],
    ["an empty name", { name: "" }],
  ])("may not have %s", (_, change) => {
    expect(accepts({ inputs: [{ ...tensor, ...change }] })).toBe(false);
  });

  test("may be called as frameworks call them, and be scalars to the framework", () => {
    expect(
      accepts({
        inputs: [{ ...tensor, name: "serving_default/x:0" }],
        outputs: [{ ...tensor, reshape: [] }],
      }),
    ).toBe(true);
  });
});

describe("times", () => {
  test.each(["0.5ms", "1ms", "2s", "0.001ms"])("%s is whole microseconds", (queueDelay) => {
    expect(accepts({ dynamicBatching: { queueDelay } })).toBe(true);
  });

  test.each(["0.0001ms", "1", "1us", "1.0005ms"])("%s is none", (queueDelay) => {
    expect(accepts({ dynamicBatching: { queueDelay } })).toBe(false);
  });
});

test("the default priority is one of the levels", () => {
  expect(accepts({ dynamicBatching: { priorities: { levels: 2, default: 2 } } })).toBe(true);
  expect(accepts({ dynamicBatching: { priorities: { levels: 2, default: 3 } } })).toBe(false);
});

test("versions of steps and artifacts are numbers", () => {
  const step = { model: "a", inputs: {}, outputs: {} };
  expect(tritonModelOptionsSchema.parse({ ensemble: { steps: [{ ...step, version: 3 }] } })).toMatchObject({
    ensemble: { steps: [{ version: "3" }] },
  });
  expect(accepts({ ensemble: { steps: [{ ...step, version: "latest" }] } })).toBe(false);
  expect(accepts({ artifacts: { "3": "s3://bucket/run" } })).toBe(true);
  expect(accepts({ artifacts: { v3: "s3://bucket/run" } })).toBe(false);
});

test("artifacts lie below a prefix: a whole bucket is no version", () => {
  for (const source of [
    "s3://bucket",
    "s3://bucket/",
    "https://bucket/run",
    "s3://bucket/../x",
    "s3://bucket/x y",
    "s3://b/run",
  ]) {
    expect(accepts({ artifacts: { "3": source } })).toBe(false);
  }
});

test("parameters are text that can be written down", () => {
  expect(accepts({ parameters: { NOTE: "漢 \u0000" } })).toBe(true);
  expect(accepts({ parameters: { NOTE: "\ud800" } })).toBe(false);
  expect(accepts({ parameters: { "A B": "x" } })).toBe(false);
});
