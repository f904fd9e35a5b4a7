import type { EnginePlan } from "../../plan/platform-plan.ts";
import { dynamoEngineOptions } from "./engine-options.ts";

/** Of gRPC; the metrics have a port of their own, since a scrape of this one breaks its connection. */
export const modelExpressPort = 8_001;
export const modelExpressMetricsPort = 9_401;

/** Workload and Service of an engine's own server. */
export function modelExpressName(engine: Pick<EnginePlan, "name">): string {
  return `${engine.name}-model-express`;
}

/** Where workers find their Model Express; undefined where the engine uses none. */
export function modelExpressUrl(engine: EnginePlan): string | undefined {
  const { modelExpress } = dynamoEngineOptions(engine);
  if (!modelExpress) return undefined;
  return "url" in modelExpress
    ? modelExpress.url
    : `http://${modelExpressName(engine)}.${engine.namespace}.svc:${modelExpressPort}`;
}
