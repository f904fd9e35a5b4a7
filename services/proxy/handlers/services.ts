import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { BodyReader } from "../inbound/body-reader.ts";
import type { ProxyMetrics } from "../measures/proxy-metrics.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Random } from "../routing/choose.ts";
import { resolveRoute, type RouteQuery } from "../routing/resolve.ts";
import type { Route, RoutingIndex } from "../routing/routing-index.ts";
import type { UpstreamRequest } from "../upstream/exchange.ts";
import { forward, type Upstream } from "../upstream/forward.ts";
import { PassThroughSink } from "./pass-through-sink.ts";

/** What the handlers of a proxy work with. */
export interface ProxyServices {
  /** The routing table in use now. A request takes it once, so that a reload cannot split its decision. */
  readonly routes: () => RoutingIndex;
  readonly upstream: Upstream;
  readonly bodies: BodyReader;
  readonly metrics: ProxyMetrics;
  readonly random: Random;
  readonly maxBodyBytes: number;
  /** The routing table is loaded and the proxy is not shutting down. */
  readonly ready: () => boolean;
}

/** Decides the route of an inference request and counts it as in flight until it ends. */
export function routeInference(services: ProxyServices, inbound: InboundRequest, query: RouteQuery): Route {
  const serviceClass = inbound.header("x-service-class");
  const route = resolveRoute(services.routes(), { ...query, serviceClass }, services.random);
  inbound.route = route;
  const meter = services.metrics.meterOf(route);
  meter.arrived++;
  meter.inFlight++;
  return route;
}

/** The part of a native request's query that its headers carry. */
export function nativeQuery(inbound: InboundRequest, modelName: string, pathVersion?: string): RouteQuery {
  const headerVersion = inbound.header("x-model-version");
  if (pathVersion !== undefined && headerVersion !== undefined && pathVersion !== headerVersion) {
    throw new ProxyFailure(
      "REQUEST_INVALID",
      `The version of the path and the header "x-model-version" disagree.`,
    );
  }
  return {
    serverName: inbound.header("x-inference-server"),
    modelName,
    version: pathVersion ?? headerVersion,
  };
}

/** Sends a request of a native protocol and hands the engine's answer to the client as it comes. */
export async function passThrough(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
  request: UpstreamRequest,
): Promise<void> {
  const sink = new PassThroughSink(inbound, route, services.metrics.meterOf(route));
  try {
    await forward(services.upstream, route, request, sink, inbound);
  } catch (failure) {
    if (sink.status > 0 && failure instanceof ProxyFailure) sink.breakOff(failure);
    throw failure;
  }
}
