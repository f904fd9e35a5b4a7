import type { EnginePlan, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { dynamoEngineOptions } from "./engine-options.ts";
import { dynamoModelOptions } from "./model-options.ts";
import { modelExpressUrl } from "./model-express.ts";
import { shutdownTimes, workerShutdownEnvironment } from "./shutdown.ts";
import { graphModel, workerSettings } from "./worker-settings.ts";

/** Environment of a worker besides what the operator sets, without secrets. */
export function workerEnvironment(
  engine: EnginePlan,
  group: ReplicaGroupPlan,
): Readonly<Record<string, string>> {
  const options = dynamoModelOptions(graphModel(group));
  const { eventPlane } = dynamoEngineOptions(engine);
  const hub = engine.storage.kind === "hugging-face" && modelExpressUrl(engine) !== undefined;
  return {
    HOME: "/tmp",
    // Models of a hub are there before the worker starts, in the version of the spec: by itself the runtime fetches the
    // newest, whatever it is asked for.
    ...(hub ? { HF_HOME: "/tmp/hugging-face" } : { HF_HUB_OFFLINE: "1" }),
    // Frontends fetch tokenizer and configuration from the worker, instead of mounting what it mounts.
    DYN_SELF_HOST_METADATA: "true",
    DYN_REQUEST_PLANE: "tcp",
    DYN_EVENT_PLANE: eventPlane,
    ...workerShutdownEnvironment(shutdownTimes(options)),
    ...(options.backend.type === "vllm" ? { VLLM_NO_USAGE_STATS: "1" } : {}),
    ...modelExpressEnvironment(engine, group),
  };
}

function modelExpressEnvironment(
  engine: EnginePlan,
  group: ReplicaGroupPlan,
): Readonly<Record<string, string>> {
  const url = modelExpressUrl(engine);
  if (url === undefined) return {};
  return {
    MODEL_EXPRESS_URL: url,
    VLLM_PLUGINS: "modelexpress",
    // The server's disk is not the workers'.
    MODEL_EXPRESS_NO_SHARED_STORAGE: "1",
    ...(engine.storage.kind === "hugging-face"
      ? {}
      : { MX_MODEL_URI: workerSettings(engine, group).location }),
  };
}
