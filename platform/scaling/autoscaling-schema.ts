import { z } from "zod";
import { durationSchema } from "../spec/quantities.ts";

/** What an autoscaler of Kubernetes remembers at most. */
const longestCooldownMs = 3_600_000;

/** `autoscaling` of an engine or of a model: replicas that follow the load between two bounds. */
export const autoscalingSchema = z.strictObject({
  scaler: z
    .enum(["keda", "hpa"])
    .default("keda")
    .describe("keda asks Prometheus. hpa needs a metrics adapter in the cluster."),
  signal: z
    .enum(["queue", "gpu-utilisation", "request-rate"])
    .default("queue")
    .describe("queue: requests that wait. gpu-utilisation: DCGM's. request-rate: at the proxy."),
  target: z
    .number()
    .positive()
    .optional()
    .describe(
      "Per replica: waiting requests, per cent, or requests a minute. Default: a quarter of the batch, 80, or what the plan says a replica carries.",
    ),
  minReplicas: z
    .int()
    .min(0)
    .max(1000)
    .default(1)
    .describe("0 with scaler keda and signal request-rate only."),
  maxReplicas: z.int().min(1).max(1000),
  cooldown: durationSchema
    .refine((milliseconds) => milliseconds >= 1000 && milliseconds <= longestCooldownMs, {
      error: "expected between 1s and 1h",
    })
    .optional()
    .describe(
      "How long fewer replicas must have sufficed before one goes. Default: twice the time a replica takes to start, at least 10min.",
    ),
});

export type AutoscalingSpec = z.output<typeof autoscalingSchema>;
