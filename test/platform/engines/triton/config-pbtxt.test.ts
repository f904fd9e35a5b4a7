import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configKey, configPbtxt } from "../../../../platform/engines/triton/config-pbtxt.ts";
import { parseTextFormat, type ParsedMessage } from "./text-format-parser.ts";
import { tritonModel } from "./triton-model.ts";

const word = (value: string | number) => ({ word: String(value) });
const text = (value: string) => ({ text: value });
const configOf = (options: object, maxBatchSize = 8, ...versions: string[]): ParsedMessage =>
  parseTextFormat(configPbtxt(tritonModel("bert", options, ...versions), maxBatchSize));

describe("the configuration of a model of which nothing is said", () => {
  test("leaves to Triton what it can read from the model's file", () => {
    expect(configPbtxt(tritonModel("bert", {}, "3", "12"), 8)).toBe(`name: "bert"
max_batch_size: 8
version_policy {
  specific {
    versions: [3, 12]
  }
}
dynamic_batching {}
`);
  });

  test("keeps every version in use, in the order of their numbers", () => {
    expect(configOf({}, 8, "10", "9").version_policy).toEqual([
      { specific: [{ versions: [word(9), word(10)] }] },
    ]);
  });

  test("has no batches to form where the plan counts on none", () => {
    expect(configOf({}, 1)).not.toHaveProperty("dynamic_batching");
    expect(configOf({ batching: false }, 8)).toMatchObject({ max_batch_size: [word(0)] });
    expect(configOf({ batching: false }, 8)).not.toHaveProperty("dynamic_batching");
  });
});

describe("the configuration of a model", () => {
  test("declares tensors", () => {
    const config = configOf({
      backend: "onnxruntime",
      inputs: [
        { name: "input_ids", datatype: "INT64", shape: [-1], ragged: true },
        { name: "text", datatype: "BYTES", shape: [1], reshape: [], optional: true },
      ],
      outputs: [{ name: "logits", datatype: "FP32", shape: [2, 1], reshape: [2], labels: "labels.txt" }],
    });
    expect(config.backend).toEqual([text("onnxruntime")]);
    expect(config.input).toEqual([
      {
        name: [text("input_ids")],
        data_type: [word("TYPE_INT64")],
        dims: [word(-1)],
        allow_ragged_batch: [word("true")],
      },
      {
        name: [text("text")],
        data_type: [word("TYPE_STRING")],
        dims: [word(1)],
        reshape: [{}],
        optional: [word("true")],
      },
    ]);
    expect(config.output).toEqual([
      {
        name: [text("logits")],
        data_type: [word("TYPE_FP32")],
        dims: [word(2), word(1)],
        reshape: [{ shape: [word(2)] }],
        label_filename: [text("labels.txt")],
      },
    ]);
  });

  test("says how batches are formed, in microseconds", () => {
    const dynamicBatching = {
      preferredSizes: [8, 4],
      queueDelay: "0.25ms",
      preserveOrdering: true,
      priorities: { levels: 3, default: 2 },
      queuePolicy: { timeout: "1s", onTimeout: "reject", maxQueueSize: 64 },
    };
    expect(configOf({ dynamicBatching }).dynamic_batching).toEqual([
      {
        preferred_batch_size: [word(4), word(8)],
        max_queue_delay_microseconds: [word(250)],
        preserve_ordering: [word("true")],
        priority_levels: [word(3)],
        default_priority_level: [word(2)],
        default_queue_policy: [
          {
            timeout_action: [word("REJECT")],
            default_timeout_microseconds: [word(1_000_000)],
            max_queue_size: [word(64)],
          },
        ],
      },
    ]);
  });

  test("asks for no batch that is larger than those of its group, which another model may have made smaller", () => {
    const warmup = [{ name: "full", batchSize: 16, inputs: {} }];
    const config = configOf({ dynamicBatching: { preferredSizes: [16, 4] }, warmup }, 8);
    expect(config.dynamic_batching).toEqual([{ preferred_batch_size: [word(4)] }]);
    expect(config.model_warmup).toMatchObject([{ batch_size: [word(8)] }]);
    expect(configOf({ dynamicBatching: { preferredSizes: [16] } }, 8).dynamic_batching).toEqual([{}]);
  });

  test("places instances and limits what they take", () => {
    const rateLimiter = {
      resources: [
        { name: "R1", count: 2, global: true },
        { name: "R2", count: 1 },
      ],
      priority: 2,
    };
    const limiter = {
      resources: [
        { name: [text("R1")], global: [word("true")], count: [word(2)] },
        { name: [text("R2")], count: [word(1)] },
      ],
      priority: [word(2)],
    };
    expect(configOf({ instances: [{ count: 2, kind: "gpu" }, {}], rateLimiter }).instance_group).toEqual([
      { count: [word(2)], kind: [word("KIND_GPU")], rate_limiter: [limiter] },
      { count: [word(1)], kind: [word("KIND_AUTO")], rate_limiter: [limiter] },
    ]);
    expect(configOf({ rateLimiter }).instance_group).toEqual([{ rate_limiter: [limiter] }]);
  });

  test("warms up with made-up tensors", () => {
    const inputs = {
      ids: { datatype: "INT64", shape: [128], data: "random" },
      mask: { datatype: "BOOL", shape: [128] },
    };
    expect(configOf({ warmup: [{ name: "one", inputs, count: 3 }] }).model_warmup).toEqual([
      {
        name: [text("one")],
        batch_size: [word(1)],
        inputs: [
          {
            key: [text("ids")],
            value: [{ data_type: [word("TYPE_INT64")], dims: [word(128)], random_data: [word("true")] }],
          },
          {
            key: [text("mask")],
            value: [{ data_type: [word("TYPE_BOOL")], dims: [word(128)], zero_data: [word("true")] }],
          },
        ],
        count: [word(3)],
      },
    ]);
  });

  test("carries whatever text its parameters have, the same for every order of the spec", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[A-Za-z][\w.-]{0,20}$/), fc.string({ unit: "grapheme" })),
        (parameters) => {
          const config = configOf({ parameters }).parameters ?? [];
          expect(config).toHaveLength(Object.keys(parameters).length);
          for (const [key, value] of Object.entries(parameters)) {
            expect(config).toContainEqual({ key: [text(key)], value: [{ string_value: [text(value)] }] });
          }
          const reversed = Object.fromEntries(Object.entries(parameters).toReversed());
          expect(configPbtxt(tritonModel("bert", { parameters: reversed }), 8)).toBe(
            configPbtxt(tritonModel("bert", { parameters }), 8),
          );
        },
      ),
    );
  });

  test("ends with the text that the spec adds", () => {
    const config = configPbtxt(
      tritonModel("bert", { extraConfig: "\n  optimization { cuda { graphs: true } }\n\n" }),
      8,
    );
    expect(config.endsWith("dynamic_batching {}\noptimization { cuda { graphs: true } }\n")).toBe(true);
  });

  test("leaves the batching of sequences to the text that the spec adds", () => {
    const config = configOf({ extraConfig: "sequence_batching { max_sequence_idle_microseconds: 5000000 }" });
    expect(config).toHaveProperty("sequence_batching");
    expect(config).not.toHaveProperty("dynamic_batching");
  });
});

test("an ensemble is steps of other models, and no files", () => {
  const config = configOf({
    inputs: [{ name: "raw", datatype: "BYTES", shape: [1] }],
    outputs: [{ name: "score", datatype: "FP32", shape: [1] }],
    ensemble: {
      steps: [
        { model: "tokenizer", version: 2, inputs: { text: "raw" }, outputs: { ids: "ids" } },
        { model: "bert-2", inputs: { ids: "ids" }, outputs: { logits: "score" } },
      ],
    },
  });
  expect(config).toMatchObject({ platform: [text("ensemble")], max_batch_size: [word(8)] });
  expect(config.ensemble_scheduling).toEqual([
    {
      step: [
        {
          model_name: [text("tokenizer")],
          model_version: [word(2)],
          input_map: [{ key: [text("text")], value: [text("raw")] }],
          output_map: [{ key: [text("ids")], value: [text("ids")] }],
        },
        {
          model_name: [text("bert-2")],
          model_version: [word(-1)],
          input_map: [{ key: [text("ids")], value: [text("ids")] }],
          output_map: [{ key: [text("logits")], value: [text("score")] }],
        },
      ],
    },
  ]);
  expect(config).not.toHaveProperty("dynamic_batching");
  expect(config).not.toHaveProperty("instance_group");
});

test("the configuration of a model is a file of its own, named after it", () => {
  expect(configKey("BERT-BASED_v1.2")).toBe("BERT-BASED_v1.2.pbtxt");
});
