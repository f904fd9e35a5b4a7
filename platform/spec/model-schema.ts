import { z } from "zod";
import { engineOptionSchemas } from "./engine-option-schemas.ts";
import { registeredName, versionText } from "./formats.ts";
import { durationSchema, memorySchema, rateSchema } from "./quantities.ts";
import { modelProxySchema } from "./proxy-schema.ts";
import { runtimeSchemas } from "./runtime-schema.ts";

/** Nothing takes no time, so a target of zero is a mistake. */
const sloTarget = durationSchema.refine((milliseconds) => milliseconds > 0, {
  error: "expected more than 0 ms",
});

const sloSchema = z
  .strictObject({
    ttftMean: sloTarget.optional(),
    ttftP95: sloTarget.optional(),
    itlMean: sloTarget.optional(),
    itlP95: sloTarget.optional(),
    latencyMean: sloTarget.optional(),
    latencyP95: sloTarget.optional(),
  })
  .describe("Latency targets: time to first token, inter-token latency, whole request.");

const trafficSchema = z.strictObject({
  serviceClass: z.string().optional().describe("Default: Free."),
  slo: sloSchema.optional(),
  load: z.strictObject({
    rate: rateSchema,
    daily: z
      .array(z.number().min(0).max(100))
      .length(24)
      .optional()
      .describe("Factor on the rate in each hour of the day (UTC), from midnight. Default: 1 all day."),
    inputTokens: z.int().min(1).max(10_000_000).optional(),
    outputTokens: z.int().min(1).max(10_000_000).optional(),
    outputDistribution: z
      .enum(["geometric", "fixed"])
      .optional()
      .describe("How output lengths spread around their mean. Default: geometric, as in chats."),
  }),
});

const architectureSchema = z
  .strictObject({
    task: z.enum(["generation", "request-response"]),
    parameters: z.number().positive(),
    layers: z.int().min(1),
    hiddenSize: z.int().min(1).optional().describe("Default: guessed from parameters and layers."),
    attentionHeads: z
      .int()
      .min(1)
      .optional()
      .describe("Tensor parallelism divides them. Default: unknown; kvHeads decide."),
    kvHeads: z.int().min(1),
    headDimension: z.number().positive(),
    bytesPerWeight: z.number().positive().max(8),
    maxSequenceTokens: z.int().min(1),
    tokensPerRequest: z.int().min(1).optional(),
    experts: z
      .strictObject({
        count: z.int().min(2),
        perToken: z.int().min(1),
        parameters: z.number().positive(),
      })
      .refine(({ count, perToken }) => perToken <= count, {
        error: "expected no more experts a token than there are",
        path: ["perToken"],
      })
      .optional()
      .describe("Mixture of experts; parameters are those of all experts of all layers."),
    source: z.string().min(1),
  })
  .describe("The model's network, for estimates of speed and memory.");

const profileSchema = z
  .strictObject({
    accelerator: z.string(),
    gpusPerReplica: z.int().min(1).max(16).default(1),
    maxBatchSize: z.int().min(1).max(4096),
    alpha: durationSchema.optional().describe("ms per decode iteration. Default: 0."),
    beta: durationSchema.optional().describe("ms per decode iteration and sequence. Default: 0."),
    gamma: durationSchema.describe("ms per prefill or request batch."),
    delta: durationSchema.describe("ms per prompt token and sequence, or per request of a batch."),
    weights: memorySchema.optional(),
    source: z.string().min(1).describe("Who measured it, where and when."),
  })
  .describe("Measured performance on one accelerator; wins over estimates.");

/** One entry of an engine's `models`. */
export const modelSchema = z.strictObject({
  name: registeredName,
  version: versionText.optional().describe("The registered version that is served. Default: 1."),
  versions: z
    .array(z.strictObject({ version: versionText, weight: z.number().min(0).max(100) }))
    .min(2)
    .optional()
    .describe("Several versions side by side with weights in percent (canary, A/B)."),
  base: z
    .string()
    .optional()
    .describe("Catalog model that this one is a version of. Default: the model's own name."),
  architecture: architectureSchema.optional(),
  profiles: z.array(profileSchema).min(1).optional(),
  traffic: z.array(trafficSchema).min(1),
  replicas: z.int().min(1).max(1000).optional().describe("Wins over the optimizer."),
  maxBatchSize: z.int().min(1).max(4096).optional(),
  gpusPerReplica: z
    .int()
    .min(1)
    .max(128)
    .optional()
    .describe("GPUs of one replica, over all its nodes. Default: chosen by the optimizer."),
  nodesPerReplica: z
    .int()
    .min(1)
    .max(16)
    .optional()
    .describe("Nodes that one replica spans, for models that no node holds. Default: 1."),
  splitAccelerators: z
    .boolean()
    .optional()
    .describe("Two kinds of accelerators at once where that costs less or cards are scarce. Default: false."),
  proxy: modelProxySchema.optional(),
  ...runtimeSchemas,
  ...engineOptionSchemas("model"),
});
