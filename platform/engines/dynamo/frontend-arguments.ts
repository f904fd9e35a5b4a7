import type { DynamoEngineOptions } from "./engine-options.ts";
import { frontendPort } from "./graph-name.ts";
import { cacheKnowledge, kvBlockTokens } from "./kv-cache.ts";
import type { DynamoModelOptions } from "./model-options.ts";
import { frontendShutdownEnvironment, shutdownTimes } from "./shutdown.ts";

export const frontendCommand: readonly string[] = ["python3", "-m", "dynamo.frontend"];

/** Arguments of a frontend: its HTTP API, how it chooses workers, and what happens to requests whose worker is lost. */
export function frontendArguments(options: DynamoModelOptions): readonly string[] {
  const knowledge = cacheKnowledge(options);
  return [
    ...["--http-port", String(frontendPort)],
    ...["--migration-limit", String(options.migrationLimit)],
    // The frontend knows no mode called none: without the argument it takes workers in turn.
    ...(options.routingPolicy === "none" ? [] : ["--router-mode", options.routingPolicy]),
    ...(knowledge === "none"
      ? []
      : [
          ...["--kv-cache-block-size", String(kvBlockTokens(options))],
          knowledge === "reported" ? "--router-kv-events" : "--no-router-kv-events",
          // Each of several frontends would count only the requests that it sent itself.
          ...(options.frontend.replicas > 1 ? ["--router-replica-sync"] : []),
        ]),
  ];
}

/** Environment of a frontend besides what the operator sets. */
export function frontendEnvironment(
  options: DynamoModelOptions,
  engine: Pick<DynamoEngineOptions, "eventPlane">,
): Readonly<Record<string, string>> {
  return {
    HOME: "/tmp",
    // It gets tokenizer and configuration from the workers.
    HF_HUB_OFFLINE: "1",
    DYN_REQUEST_PLANE: "tcp",
    DYN_EVENT_PLANE: engine.eventPlane,
    ...frontendShutdownEnvironment(shutdownTimes(options)),
  };
}
