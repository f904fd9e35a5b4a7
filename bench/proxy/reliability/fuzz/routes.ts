import type { RouteServer, RouteTarget, RoutingTable } from "../../../../platform/routes/routing-table.ts";

/** Longest body that the fuzzed proxy takes, in bytes: a million nested objects fit. */
export const fuzzedBodyBytes = 8 * 1024 * 1024;

/** A model of each protocol that the cases ask for, and a server whose models only the engine knows. */
export function fuzzedRoutes(url: string): RoutingTable {
  const target: RouteTarget = {
    group: "group",
    serviceClasses: ["Free"],
    endpoints: [url],
    timeoutMs: 30_000,
  };
  const models = (name: string): RouteServer["models"] => [
    { name, versions: [{ version: "1", weight: 100, targets: [target] }] },
  ];
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Free"],
    servers: [
      { name: "chat", type: "vllm", protocol: "openai", loading: "preload", models: models("llama") },
      {
        name: "engine-knows",
        type: "any",
        protocol: "open-inference-v2",
        loading: "preload",
        models: [],
        anyModel: target,
      },
      {
        name: "tabular",
        type: "triton",
        protocol: "open-inference-v2",
        loading: "preload",
        models: models("bert"),
      },
    ],
  };
}
