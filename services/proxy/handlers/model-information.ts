import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { Route } from "../routing/routing-index.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
import { relay, timeoutMsOf, type ProxyServices } from "./services.ts";

/** Hands on what an engine says of a model. Such questions are neither counted nor limited, but end in time. */
export function relayInformation(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
  path: string,
): Promise<void> {
  inbound.deadlineMs = inbound.arrivedAtMs + Math.min(route.target.timeoutMs, timeoutMsOf(inbound));
  return relay(services, inbound, route, {
    method: "GET",
    path,
    headerLines: upstreamHeaderLines(inbound),
    body: undefined,
  });
}
