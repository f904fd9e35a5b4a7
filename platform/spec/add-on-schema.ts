import { z } from "zod";
import { label } from "./formats.ts";

/** Installing what a cluster already has breaks it, so the program asks the cluster unless the spec says. */
const addonSchema = z
  .enum(["install", "present"])
  .describe("install: this stack installs it. present: the cluster has it, and others look after it.");

export const addonsSchema = z
  .strictObject({
    keda: addonSchema.optional(),
    leaderWorkerSet: addonSchema.optional(),
    prometheusOperator: addonSchema.optional(),
    dynamoPlatform: addonSchema.optional(),
  })
  .describe(
    "Cluster add-ons that the spec uses, where the cluster shall not be asked. Default: installed where the cluster has none.",
  );

export const observabilitySchema = z
  .strictObject({
    prometheus: z
      .url({ protocol: /^https?$/, error: "expected an http or https address" })
      .optional()
      .describe("Where autoscalers ask for metrics, from inside the cluster."),
    podMonitors: z
      .strictObject({
        labels: z
          .record(z.string().max(253), z.string().max(63))
          .optional()
          .describe("What the Prometheus of the cluster selects monitors by. Default: none."),
        namespace: label(63)
          .optional()
          .describe("Where Prometheus' pods are: they are let in. Default: the namespace in `prometheus`."),
      })
      .optional()
      .describe("Makes a PodMonitor for every replica group. Default: none."),
  })
  .describe("How the platform is measured.");
