import { z } from "zod";
import type { GroupModel } from "../../plan/platform-plan.ts";
import { registeredName } from "../../spec/formats.ts";
import { durationSchema } from "../../spec/quantities.ts";
import { inputSchema, outputSchema, tensorDatatypes, tensorName } from "./tensor-options.ts";

/** Triton counts in microseconds. */
const microseconds = durationSchema.refine(
  (milliseconds) => Number.isInteger(Math.round(milliseconds * 1e6) / 1e3),
  { error: "expected whole microseconds, such as 0.5ms" },
);

/** Triton ignores folders whose name begins with a zero, and knows no other versions than numbers. */
export const tritonVersion = /^[1-9]\d{0,14}$/;

const versionNumber = z
  .string()
  .regex(tritonVersion, { error: "expected a version that is a whole number from 1" });

const batch = z.int().min(1).max(4096);

const queuePolicySchema = z.strictObject({
  timeout: microseconds.optional().describe("Longest wait for a place in a batch. Default: none."),
  onTimeout: z
    .enum(["reject", "delay"])
    .optional()
    .describe("delay: served after all others that are in time. Default: reject."),
  maxQueueSize: z.int().min(1).optional().describe("Requests that may wait. Default: any number."),
});

const dynamicBatchingSchema = z.strictObject({
  preferredSizes: z
    .array(batch)
    .min(1)
    .optional()
    .describe("Batches that are sent at once when they can be formed. Default: any size."),
  queueDelay: microseconds
    .optional()
    .describe(
      "Longest wait for others, for a larger batch; adds to the latency that is planned. Default: 0 ms.",
    ),
  preserveOrdering: z.boolean().optional().describe("Answers in the order of the requests. Default: false."),
  priorities: z
    .strictObject({ levels: z.int().min(1).max(100), default: z.int().min(1).max(100) })
    .refine((priorities) => priorities.default <= priorities.levels, {
      error: "expected a default among the levels",
      path: ["default"],
    })
    .optional()
    .describe("Levels that requests may name in their parameter priority; 1 is the most important."),
  queuePolicy: queuePolicySchema.optional(),
});

const rateLimiterSchema = z
  .strictObject({
    resources: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[A-Za-z]\w{0,49}$/, { error: "expected a name such as R1" }),
          count: z.int().min(1),
          global: z.boolean().optional().describe("One pool for all GPUs of a replica. Default: one a GPU."),
        }),
      )
      .optional(),
    priority: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("Model with 2 runs half as often as one with 1 where both could. Default: 1."),
  })
  .describe("What one execution of an instance takes, where models compete.");

const instanceSchema = z.strictObject({
  count: z.int().min(1).max(64).default(1).describe("Copies of the model, on each GPU with kind gpu."),
  kind: z
    .enum(["gpu", "cpu", "auto", "model"])
    .default("auto")
    .describe("auto: GPUs where there are any. model: the backend decides."),
});

const warmupSchema = z.strictObject({
  name: z.string().regex(/^[\w .-]{1,80}$/, { error: "expected a short name for the log" }),
  batchSize: batch.default(1),
  count: z.int().min(1).max(1000).optional().describe("How often it is sent. Default: 1."),
  inputs: z
    .record(
      tensorName,
      z.strictObject({
        datatype: z.enum(tensorDatatypes),
        shape: z.array(z.int().min(1)).min(1).max(16).describe("Without the batch dimension."),
        data: z.enum(["zero", "random"]).default("zero"),
      }),
    )
    .describe("Made-up tensors, by input."),
});

const ensembleSchema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        model: registeredName,
        version: z
          .union([z.int().min(1), versionNumber])
          .transform(String)
          .optional()
          .describe("Default: the highest of its versions in use."),
        inputs: z.record(tensorName, tensorName).describe("Tensor of the ensemble, by input of the model."),
        outputs: z.record(tensorName, tensorName).describe("Tensor of the ensemble, by output of the model."),
      }),
    )
    .min(1),
});

/** The key `triton:` of a model. What it leaves out Triton completes from the model's files. */
export const tritonModelOptionsSchema = z.strictObject({
  backend: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/, { error: "expected a backend such as onnxruntime" })
    .optional()
    .describe(
      "onnxruntime, pytorch, tensorrt, python, openvino, fil, dali, … Default: by the name of the model's file.",
    ),
  batching: z
    .boolean()
    .optional()
    .describe("Whether the model's tensors have a batch dimension. Default: true."),
  inputs: z.array(inputSchema).min(1).optional(),
  outputs: z.array(outputSchema).min(1).optional(),
  dynamicBatching: dynamicBatchingSchema.optional().describe("How requests are joined to batches."),
  instances: z.array(instanceSchema).min(1).optional().describe("Default: one on each GPU, or on the CPU."),
  warmup: z
    .array(warmupSchema)
    .min(1)
    .optional()
    .describe("Requests that are run before the model is ready."),
  ensemble: ensembleSchema.optional().describe("A pipeline of other models of the engine, instead of files."),
  rateLimiter: rateLimiterSchema.optional(),
  parameters: z
    .record(
      z.string().regex(/^[A-Za-z][\w.-]{0,99}$/, { error: "expected a name such as EXECUTION_ENV_PATH" }),
      z.string().refine((value) => value.isWellFormed(), { error: "expected a text of Unicode characters" }),
    )
    .optional()
    .describe("Parameters of the backend, such as EXECUTION_ENV_PATH of a Python model."),
  artifacts: z
    .record(
      versionNumber,
      z
        .string()
        .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._=-]+)+\/?$/, {
          error: "expected s3://bucket/prefix",
        }),
    )
    .optional()
    .describe(
      "Where a version's files come from, by version: staged onto the engine's volume, then never changed.",
    ),
  extraConfig: z
    .string()
    .max(20_000)
    .optional()
    .describe("More of config.pbtxt, as it is: fields that no other key sets, such as optimization."),
});

export type TritonModelOptions = z.output<typeof tritonModelOptionsSchema>;
export type TritonEnsembleStep = NonNullable<TritonModelOptions["ensemble"]>["steps"][number];

/** The options of a model; the schema let them through when the spec was loaded. */
export function tritonModelOptions(model: Pick<GroupModel, "options">): TritonModelOptions {
  return model.options as TritonModelOptions;
}
