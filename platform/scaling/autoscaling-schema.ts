import { z } from "zod";

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
  minReplicas: z.int().min(0).max(1000).default(1),
  maxReplicas: z.int().min(1).max(1000),
});

export type AutoscalingSpec = z.output<typeof autoscalingSchema>;
