import type { InboundRequest } from "../inbound/inbound-request.ts";
import { mayUse } from "../auth/allow-list.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { resolveRoute } from "../routing/resolve.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
import { relayInformation } from "./model-information.ts";
import { nativeQuery, passThrough, routeInference, type ProxyServices } from "./services.ts";

/** `POST /v1/models/{model}:predict` of KServe's first protocol, which has no place for a version. */
export async function handleKservePredict(
  services: ProxyServices,
  inbound: InboundRequest,
  model: string,
): Promise<void> {
  const query = { ...nativeQuery(inbound, model), protocol: "kserve-v1" as const };
  const route = routeInference(services, inbound, query);
  await passThrough(services, inbound, route, {
    method: "POST",
    path: kservePath(model),
    headerLines: upstreamHeaderLines(inbound),
    body: await services.bodies.pass(inbound),
  });
}

/** `GET /v1/models/{model}` of KServe's first protocol: the engine's word on whether a model is ready. */
export async function handleKserveReadiness(
  services: ProxyServices,
  inbound: InboundRequest,
  model: string,
): Promise<void> {
  const query = { ...nativeQuery(inbound, model), protocol: "kserve-v1" as const };
  const route = resolveRoute(services.routes(), query, services.random);
  // As a model of the OpenAI API at the same path.
  if (!mayUse(inbound.principal, route.model.allow)) throw new ProxyFailure("MODEL_UNKNOWN");
  await relayInformation(services, inbound, route, kserveModelPath(model));
}

/** Built from names of the routing table, never from the client's path, which could point elsewhere. */
export function kservePath(model: string): string {
  return `${kserveModelPath(model)}:predict`;
}

function kserveModelPath(model: string): string {
  return `/v1/models/${encodeURIComponent(model)}`;
}
