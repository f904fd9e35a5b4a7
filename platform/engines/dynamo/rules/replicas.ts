import { number, record, type Raw } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { unsupported, type RawDynamoModel } from "./raw-model.ts";

/** Who decides on replicas, by what, and whether there can be as many as it takes. */
export function replicaProblems(model: RawDynamoModel): RuleProblem[] {
  return [
    ...plannerProblems(model),
    ...signalProblems(model),
    ...existingProblems(model),
    ...poolProblems(model),
  ];
}

function autoscaling({ model, engine }: RawDynamoModel): Raw | undefined {
  const own = model.autoscaling ?? engine.autoscaling;
  return own === undefined ? undefined : record(own);
}

function plannerProblems(model: RawDynamoModel): RuleProblem[] {
  if (model.options.planner === undefined) return [];
  const path = [...model.optionsPath, "planner"];
  return [
    ...(autoscaling(model)
      ? [
          unsupported(
            path,
            "a planner and an autoscaler would set each other's replicas back",
            "one of planner and autoscaling",
            "key",
          ),
        ]
      : []),
    ...(record(model.spec.observability).prometheus === undefined
      ? [
          {
            code: "SPEC_KEY_MISSING",
            path: ["observability", "prometheus"],
            message: "observability.prometheus is missing: a planner decides by what Prometheus has measured",
            allowed: "the address of Prometheus inside the cluster",
          } as const,
        ]
      : []),
  ];
}

function signalProblems(model: RawDynamoModel): RuleProblem[] {
  const scaling = autoscaling(model);
  if (!scaling) return [];
  const path =
    model.model.autoscaling === undefined
      ? [...model.enginePath, "autoscaling"]
      : [...model.path, "autoscaling"];
  const signal = typeof scaling.signal === "string" ? scaling.signal : "queue";
  return [
    ...(signal === "queue" && scaling.scaler === "hpa"
      ? [
          unsupported(
            [...path, "scaler"],
            "an adapter knows the metrics of the pods that are scaled, and requests wait at the frontends",
            "keda, or signal: gpu-utilisation or request-rate",
          ),
        ]
      : []),
    ...(model.options.disaggregation === true && signal !== "gpu-utilisation"
      ? [
          unsupported(
            path,
            `signal ${signal} says of two pools not which of them is short of replicas`,
            "signal: gpu-utilisation, which each pool has; or dynamo.planner",
            "key",
          ),
        ]
      : []),
  ];
}

/** A graph that others made is theirs. */
function existingProblems({ options, optionsPath }: RawDynamoModel): RuleProblem[] {
  if (record(options.deployment).create !== false || options.planner === undefined) return [];
  return [
    unsupported(
      [...optionsPath, "planner"],
      "a planner for a graph that is not created",
      "deployment.create: true, or a planner in that graph",
      "key",
    ),
  ];
}

/** Two pools need replicas on cards of their own. */
function poolProblems({ spec, options, model, path, optionsPath }: RawDynamoModel): RuleProblem[] {
  if (options.disaggregation !== true) return [];
  const accelerators = record(spec.accelerators);
  const limits = record(accelerators.limits);
  const used = Array.isArray(accelerators.use) ? accelerators.use.map(String) : undefined;
  // Without a list, or with one that is not limited throughout, cards are not known to be short.
  const cards = used?.every((name) => number(limits[name]) !== undefined)
    ? used.reduce((sum, name) => sum + (number(limits[name]) ?? 0), 0)
    : undefined;
  const needed = 2 * (number(model.gpusPerReplica) ?? 1);
  return [
    ...(cards !== undefined && cards < needed
      ? [
          unsupported(
            [...optionsPath, "disaggregation"],
            `two pools need ${needed} GPUs, and accelerators.limits allow ${cards}`,
            "disaggregation: false, which needs half as many, or higher limits",
          ),
        ]
      : []),
    ...(model.replicas === undefined
      ? []
      : [
          unsupported(
            [...path, "replicas"],
            "one count of replicas says nothing of either of two pools",
            "no replicas: both counts follow from load and targets; or disaggregation: false",
            "key",
          ),
        ]),
    ...(model.splitAccelerators === true
      ? [
          unsupported(
            [...path, "splitAccelerators"],
            "two pools on two kinds of accelerators each",
            "one of disaggregation and splitAccelerators",
            "key",
          ),
        ]
      : []),
  ];
}
