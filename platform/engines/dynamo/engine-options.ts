import { z } from "zod";
import type { EnginePlan } from "../../plan/platform-plan.ts";
import { imageReference, secretReference } from "../../spec/formats.ts";
import { memorySchema } from "../../spec/quantities.ts";
import { defaultDynamoVersion, defaultImageRegistry } from "./release.ts";

const redisForm = { error: "expected redis://host:port without a password, or {secret: {name: …, key: …}}" };

const modelExpressServerSchema = z
  .strictObject({
    image: imageReference
      .default(`${defaultImageRegistry}/modelexpress-server:0.5.0`)
      .describe(
        "Its releases count by themselves; 0.5.0 is the one whose client the runtime images of 1.3 have.",
      ),
    redis: z
      .union(
        [
          z.string().regex(/^rediss?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/\d{1,3})?$/, redisForm),
          z.strictObject({ secret: secretReference }),
        ],
        redisForm,
      )
      .describe("Where it keeps which model is where. Without it the server ends as soon as it starts."),
    cache: memorySchema.describe("Disk for the models that it hands out."),
    memory: memorySchema.optional().describe("Default: 4Gi."),
  })
  .describe("A server of this engine's own.");

const modelExpressForm = { error: "expected {url: http://host:8001} or {install: {redis: …, cache: …}}" };

const modelExpressSchema = z
  .union(
    [
      z.strictObject({
        url: z.string().regex(/^https?:\/\/[A-Za-z0-9.-]+:\d{1,5}$/, {
          error: "expected the gRPC address with its port, such as http://model-express.models.svc:8001",
        }),
      }),
      z.strictObject({ install: modelExpressServerSchema }),
    ],
    modelExpressForm,
  )
  .describe("Model Express hands weights from worker to worker instead of reading each copy from storage.");

/** `dynamo` of an engine. */
export const dynamoEngineSchema = z.strictObject({
  version: z
    .string()
    .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/, { error: "expected a release such as 1.3.1" })
    .default(defaultDynamoVersion)
    .describe(`Of chart, operator, frontend and workers alike. Default: ${defaultDynamoVersion}.`),
  registry: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9._-]+)*$/, {
      error: `expected a registry and path, such as ${defaultImageRegistry}`,
    })
    .default(defaultImageRegistry)
    .describe("Where the release's images are, for mirrors. Default: NVIDIA's."),
  eventPlane: z
    .enum(["zmq", "nats"])
    .default("zmq")
    .describe(
      "How workers report their caches. zmq: to the frontends directly. nats: over the platform's NATS.",
    ),
  multiNode: z
    .enum(["grove", "leader-worker-set"])
    .default("grove")
    .describe("What starts the pods of a replica on several nodes. leader-worker-set also needs Volcano."),
  modelExpress: modelExpressSchema.optional(),
});

/** `dynamo` of an engine as read. */
export type DynamoEngineOptions = z.output<typeof dynamoEngineSchema>;

/** Options of a plan's engine; the schema let them through when the spec was read. */
export function dynamoEngineOptions({ options }: Pick<EnginePlan, "options">): DynamoEngineOptions {
  return options as DynamoEngineOptions;
}
