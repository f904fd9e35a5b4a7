import type { Admission } from "../admission/admission.ts";
import type { ConcurrencyGate, Waiting } from "../admission/concurrency-gate.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Tracing } from "../tracing/tracing.ts";
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
  readonly admission: Admission;
  /** Absent: no line is written for a request. */
  readonly audit: AuditLog | undefined;
  /** Absent: requests are not traced. */
  readonly tracing: Tracing | undefined;
  readonly random: Random;
  readonly maxBodyBytes: number;
  /** Metrics have a port of their own. */
  readonly metricsApart: boolean;
  /** The routing table is loaded and the proxy is not shutting down. */
  readonly ready: () => boolean;
}

/**
 * Decides the route of an inference request and counts it as in flight until it ends.
 *
 * @throws ProxyFailure where nothing leads there, or the caller may not go there, or not so often
 */
export function routeInference(services: ProxyServices, inbound: InboundRequest, query: RouteQuery): Route {
  const route = resolveRoute(services.routes(), query, services.random);
  const meter = services.metrics.meterOf(route);
  inbound.route = route;
  inbound.deadlineMs = inbound.arrivedAtMs + Math.min(route.target.timeoutMs, timeoutMsOf(inbound));
  meter.arrived++;
  services.admission.count(route, inbound.principal, inbound.arrivedAtMs);
  inbound.meter = meter;
  meter.inFlight++;
  return route;
}

/** How long the client waits, by its header in seconds: it can only shorten the deadline of the routing table. */
export function timeoutMsOf(inbound: InboundRequest): number {
  const text = inbound.header("timeout");
  if (text === undefined) return Infinity;
  const seconds = /^\d{1,6}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds * 1000;
  throw new ProxyFailure("REQUEST_INVALID", `The header "timeout" must be a number of seconds above 0.`);
}

/**
 * Waits for the turn of a routed request, where there is a queue; the place is given back when the request ends.
 * Undefined where there is nothing to wait for.
 */
export function awaitTurn(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
): Promise<void> | undefined {
  const gate = services.admission.gateOf(route);
  if (gate) {
    const waiting = services.admission.enter(gate, route, inbound.deadlineMs);
    if (waiting) return waitInLine(services, inbound, route, gate, waiting);
    inbound.gate = gate;
  }
  inbound.turnAtMs = inbound.isWhole ? inbound.arrivedAtMs : performance.now();
  return undefined;
}

async function waitInLine(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
  gate: ConcurrencyGate,
  waiting: Waiting,
): Promise<void> {
  const meter = services.metrics.meterOf(route);
  inbound.work = { clientGone: () => waiting.cancel(new ProxyFailure("CLIENT_CLOSED")) };
  meter.queued++;
  inbound.queuedAtMs = performance.now();
  try {
    await waiting.promise;
    inbound.gate = gate;
    inbound.turnAtMs = performance.now();
  } finally {
    meter.queued--;
    inbound.work = undefined;
    // Of those that give up too: a queue that nobody gets through must not look short.
    meter.queueTime.observe(((inbound.turnAtMs || performance.now()) - inbound.queuedAtMs) / 1000);
  }
}

/** A query with what headers say, whatever the protocol. `named`: what the request says elsewhere. */
export function queryOf(
  inbound: InboundRequest,
  {
    modelName,
    serverName,
    serverType,
    version,
  }: Pick<RouteQuery, "modelName" | "serverName" | "serverType" | "version">,
): RouteQuery {
  return {
    modelName,
    serverName,
    serverType,
    version: versionOf(inbound, version),
    serviceClass: inbound.header("x-service-class"),
    dataPlane: inbound.header("x-data-plane"),
    sender: inbound,
  };
}

/** The same of a native request, whose path and body have no place for the server. */
export function nativeQuery(inbound: InboundRequest, modelName: string, version?: string): RouteQuery {
  const serverName = inbound.header("x-inference-server");
  return queryOf(inbound, { modelName, serverName, version });
}

/** The version that a request asks for, by its path or envelope or else by a header. */
function versionOf(inbound: InboundRequest, named: string | undefined): string | undefined {
  const version = inbound.header("x-model-version");
  if (named !== undefined && version !== undefined && named !== version) {
    throw new ProxyFailure(
      "REQUEST_INVALID",
      `The version that the request names and the header "x-model-version" disagree.`,
    );
  }
  return named ?? version;
}

/** Sends an inference request of a native protocol when its turn comes, and hands the answer on as it comes. */
export async function passThrough(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
  request: UpstreamRequest,
): Promise<void> {
  const turn = awaitTurn(services, inbound, route);
  if (turn) await turn;
  await relay(services, inbound, route, request);
}

/** Sends a request to an engine and hands its answer to the client as it comes. */
export async function relay(
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
