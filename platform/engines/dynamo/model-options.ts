import { z } from "zod";
import type { GroupModel } from "../../plan/platform-plan.ts";
import { dataKey, imageReference, label, objectName } from "../../spec/formats.ts";
import { durationSchema, memorySchema } from "../../spec/quantities.ts";
import { dynamoBackends } from "./release.ts";

/** Where a worker finds its engine's configuration, unless the spec says another path. */
export const defaultExtraConfigPath = "/opt/dynamo/model/config.yaml";

const extraConfigPath = z
  .string()
  .regex(/^(?!.*\/\.{1,2}(?:\/|$))(?:\/[A-Za-z0-9._-]+)+\.ya?ml$/, {
    error: `expected an absolute path that ends in .yaml or .yml, such as ${defaultExtraConfigPath}`,
  })
  .default(defaultExtraConfigPath)
  .describe("Where the worker reads it. vLLM takes no other ending than .yaml and .yml.");

const configMapForm = { error: "expected the name of a ConfigMap, or {name: name, key: key}" };

const extraConfigSchema = z
  .strictObject({
    configMapRef: z
      .union(
        [objectName, z.strictObject({ name: objectName, key: dataKey.default("config.yaml") })],
        configMapForm,
      )
      .optional()
      .describe("A ConfigMap of the engine's namespace. Default key: config.yaml."),
    config: z
      .record(z.string(), z.json())
      .optional()
      .describe("The configuration itself: written into a ConfigMap."),
    path: extraConfigPath,
  })
  .describe("More configuration of the worker's engine. Only a path: a file that the image has.");

const poolSchema = z.strictObject({ extraConfig: extraConfigSchema.optional() });

const frontendSchema = z
  .strictObject({
    replicas: z
      .int()
      .min(1)
      .max(20)
      .default(2)
      .describe("Default: 2, because with one every request of the model waits for it to come back."),
    cpu: z
      .number()
      .positive()
      .max(64)
      .default(2)
      .describe("Cores of one frontend, which tokenizes and routes. Default: 2."),
    memory: memorySchema.optional().describe("Of one frontend. Default: 4Gi."),
  })
  .prefault({});

const plannerSchema = z
  .strictObject({
    maxGpus: z.int().min(1).max(1024).describe("GPUs that it may use over all replicas of the model."),
    config: z
      .record(z.string(), z.json())
      .default({})
      .describe("More of its configuration, as its own version names it: nothing here is checked."),
  })
  .describe(
    "Dynamo's planner scales the workers; replicas of the plan are only what the nodes are bought for.",
  );

/**
 * `dynamo` of a model: the simple model of a graph, with the keys that users of Dynamo know. Replicas, batch size, GPUs
 * and memory are the plan's.
 */
export const dynamoModelSchema = z.strictObject({
  dynamoNamespace: label(41)
    .optional()
    .describe(
      "Name of the graph; Dynamo's own namespace begins with the cluster's. Default: the group's name.",
    ),
  model: z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/, {
          error: "expected a model's name, or its id on Hugging Face such as Qwen/Qwen3-32B",
        })
        .max(200),
    })
    .optional()
    .describe("Id on Hugging Face where it is not <organisation>/<name>. Clients ask for the spec's name."),
  backend: z
    .strictObject({
      type: z.enum(dynamoBackends).default("vllm"),
      image: imageReference.optional().describe("Of the engine's version. Default: the release's own."),
    })
    .prefault({})
    .describe("What runs the model. Default: vllm, which alone has adapters (LoRA)."),
  deployment: z
    .strictObject({ create: z.boolean().default(true) })
    .prefault({})
    .describe("create: false routes to a graph that is there already. Default: true."),
  decode: poolSchema
    .prefault({})
    .describe("Workers that generate; all workers where nothing is disaggregated."),
  prefill: poolSchema.optional().describe("Workers that read prompts, where the model is disaggregated."),
  disaggregation: z
    .boolean()
    .default(false)
    .describe("Prompts and tokens on replicas of their own. Default: false, which needs half as many GPUs."),
  routingPolicy: z
    .enum(["none", "random", "round-robin", "kv"])
    .default("none")
    .describe("How the frontend chooses a worker. none: as it does by itself, in turn. Default: none."),
  kvEvents: z
    .union([z.boolean(), z.literal("approximate")], { error: "expected true, false or approximate" })
    .optional()
    .describe(
      "What the kv router knows of caches. true: what workers report. approximate: what it sent them.",
    ),
  kvBlockSize: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe("Tokens of a cache block, at the workers and the router alike. Default: 16; 32 with trtllm."),
  prefixCaching: z
    .boolean()
    .default(true)
    .describe("Keeps the caches of prompts that begin alike. Default: true."),
  migrationLimit: z
    .int()
    .min(0)
    .max(100)
    .default(3)
    .describe("Workers that a running request may move to when its own is lost. Default: 3."),
  longestRequest: durationSchema
    .refine((milliseconds) => milliseconds >= 1_000 && milliseconds <= 86_400_000, {
      error: "expected between 1s and 24h",
    })
    .optional()
    .describe("What a worker that leaves waits for. Default: 5min."),
  frontend: frontendSchema,
  planner: plannerSchema.optional(),
});

/** `dynamo` of a model as read. */
export type DynamoModelOptions = z.output<typeof dynamoModelSchema>;
export type ExtraConfig = NonNullable<DynamoModelOptions["decode"]["extraConfig"]>;

/** Options of a group's model; the schema let them through when the spec was read. */
export function dynamoModelOptions({ options }: Pick<GroupModel, "options">): DynamoModelOptions {
  return options as DynamoModelOptions;
}
