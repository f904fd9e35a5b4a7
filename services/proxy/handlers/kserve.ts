import type { InboundRequest } from "../inbound/inbound-request.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
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

/** Built from names of the routing table, never from the client's path, which could point elsewhere. */
export function kservePath(model: string): string {
  return `/v1/models/${encodeURIComponent(model)}:predict`;
}
