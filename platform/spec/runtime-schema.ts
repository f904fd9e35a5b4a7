import { z } from "zod";
import { autoscalingSchema } from "../scaling/autoscaling-schema.ts";
import { dataKey, objectName } from "./formats.ts";

const environmentSchema = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, {
      error: "expected the name of an environment variable: letters, digits and underscores",
    }),
    z.union([z.string().max(4096), z.strictObject({ secret: objectName, key: dataKey })], {
      error: "expected text, or {secret: name, key: key} of a Secret in the engine's namespace",
    }),
  )
  .refine((variables) => Object.keys(variables).length <= 100, { error: "expected at most 100 variables" });

const argumentsSchema = z.array(z.string().min(1).max(4096)).max(100);

/** What may be said of the processes of an engine, and of a model that has replicas of its own. */
export const runtimeSchemas = {
  environment: environmentSchema
    .optional()
    .describe("More environment of the engine's containers. Secrets by reference only."),
  arguments: argumentsSchema
    .optional()
    .describe("More arguments of the engine. Those that the plan decides are refused."),
  autoscaling: autoscalingSchema
    .optional()
    .describe("Replicas that follow the load. Default: the plan's, fixed."),
} as const;

export type EnvironmentSpec = z.output<typeof environmentSchema>;
