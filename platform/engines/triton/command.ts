import { compareText } from "../../../optimizer/text-order.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { tritonEngineOptions } from "./engine-options.ts";
import { tritonModelOptions } from "./model-options.ts";
import { tritonRepository } from "./repository-layout.ts";

/** Longest request that a server waits for before it ends. */
export const tritonRequestSeconds = 60;

/** The command line of a server, without extra arguments. */
export function tritonCommand(group: ReplicaGroupPlan, engine: EnginePlan): readonly string[] {
  const preload = engine.loading === "preload";
  const { logVerbose, modelLoadThreads, rateLimiterResources = {} } = tritonEngineOptions(engine);
  return [
    "tritonserver",
    `--model-repository=${tritonRepository}`,
    // Never poll: a half-copied model would be loaded, and whoever can write the folder could run code.
    "--model-control-mode=explicit",
    ...(preload ? group.models.map((model) => `--load-model=${model.name}`) : []),
    // Strict: ready means that all models are loaded. On demand a server would leave the Service whenever it loads one.
    `--strict-readiness=${preload}`,
    `--exit-timeout-secs=${tritonRequestSeconds}`,
    "--allow-metrics=true",
    ...(logVerbose === undefined ? [] : [`--log-verbose=${logVerbose}`]),
    ...(modelLoadThreads === undefined ? [] : [`--model-load-thread-count=${modelLoadThreads}`]),
    // Off by default, and rate limiters of models would say nothing.
    ...(group.models.some((model) => tritonModelOptions(model).rateLimiter)
      ? ["--rate-limit=execution_count"]
      : []),
    ...Object.entries(rateLimiterResources)
      .toSorted(([left], [right]) => compareText(left, right))
      .map(([name, count]) => `--rate-limit-resource=${name}:${count}`),
  ];
}
