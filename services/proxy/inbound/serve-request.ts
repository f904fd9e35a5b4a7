import type { Logger } from "pino";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { handlerOf, measureHandlerOf, styleOf, type PathHandler } from "../handlers/paths.ts";
import type { ProxyServices } from "../handlers/services.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { answerFailure } from "./answer.ts";
import type { InboundRequest } from "./inbound-request.ts";

/** Handles one request of the port for metrics and health, which has nothing else. Never throws. */
export async function serveMeasures(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  try {
    await measureHandlerOf(inbound.method, inbound.path).handle(services, inbound);
  } catch (error) {
    if (!inbound.response.headersSent) answerFailure(inbound, "predict", asFailure(error));
    else inbound.response.destroy();
  }
}

/** Handles one request from its first to its last byte: authenticate, handle, answer failures, measure. Never throws. */
export async function serveRequest(
  services: ProxyServices,
  authenticator: Authenticator,
  log: Logger,
  inbound: InboundRequest,
): Promise<void> {
  const { response, method, path } = inbound;
  let handler: PathHandler | undefined;
  let status: number;
  try {
    handler = handlerOf(services, method, path);
    if (inbound.refusal) throw inbound.refusal;
    if (services.tracing && handler.kind === "inference") beginSpan(services.tracing, handler, inbound);
    if (handler.kind !== "health" && !inbound.isIdentified) {
      const principal = authenticator.authenticate(inbound);
      if (principal instanceof Promise) inbound.isWhole = false;
      inbound.principal = principal instanceof Promise ? await principal : principal;
    }
    const handled = handler.handle(services, inbound);
    if (handled) await handled;
    status = response.statusCode;
  } catch (error) {
    const failure = inbound.gone ? new ProxyFailure("CLIENT_CLOSED") : asFailure(error);
    status = failure.status;
    inbound.failureCode = failure.code;
    if (status >= 500) {
      const { code, cause } = failure;
      log.warn(
        { requestId: inbound.id, code, cause: textOf(cause), ...inbound.route?.labels },
        "request failed",
      );
    }
    if (!response.headersSent && !inbound.gone) answerFailure(inbound, styleOf(path), failure);
    else if (!response.writableEnded) response.destroy();
  }
  services.bodies.release(inbound);
  const nowMs = performance.now();
  if (handler?.kind === "inference") finishInference(services, inbound, status, nowMs);
  // Probes ask every few seconds, and nobody's name is behind them.
  if (services.audit && handler?.kind !== "health") audit(services.audit, inbound, status, nowMs);
}

function beginSpan(tracing: Tracing, { method, route }: PathHandler, inbound: InboundRequest): void {
  const { path, arrivedAtMs } = inbound;
  const traceparent = inbound.firstHeader("traceparent");
  const tracestate = inbound.firstHeader("tracestate");
  inbound.span = tracing.begin({ method, route, path, traceparent, tracestate, arrivedAtMs });
}

function finishInference(
  { metrics, admission }: ProxyServices,
  inbound: InboundRequest,
  status: number,
  nowMs: number,
): void {
  const { route, principal, arrivedAtMs, turnAtMs, inputTokens, outputTokens } = inbound;
  inbound.gate?.leave();
  if (inbound.meter) inbound.meter.inFlight--;
  const meter = inbound.meter ?? metrics.meterOf(route);
  meter.retries += inbound.retries;
  meter.end(status, (nowMs - arrivedAtMs) / 1000);
  if (status >= 200 && status < 300) meter.upstreamTime.observe((nowMs - turnAtMs) / 1000);
  if (route && inputTokens + outputTokens > 0) {
    meter.inputTokens += inputTokens;
    meter.outputTokens += outputTokens;
    admission.charge(route, principal, inputTokens + outputTokens, nowMs);
  }
  const { span, failureCode: errorCode, firstTokenAtMs } = inbound;
  span?.end({
    status,
    route: route?.labels,
    errorCode,
    queueMs: queueMsOf(inbound, nowMs),
    upstreamMs: turnAtMs ? nowMs - turnAtMs : undefined,
    ttftMs: firstTokenAtMs ? firstTokenAtMs - arrivedAtMs : undefined,
    inputTokens,
    outputTokens,
  });
}

function audit(log: AuditLog, inbound: InboundRequest, status: number, nowMs: number): void {
  const { route, arrivedAtMs } = inbound;
  log.record({
    requestId: inbound.id,
    principal: inbound.principal,
    clientAddress: inbound.clientAddress,
    method: inbound.method,
    path: inbound.path,
    route: route?.labels,
    status,
    errorCode: inbound.failureCode,
    durationMs: nowMs - arrivedAtMs,
    queueMs: queueMsOf(inbound, nowMs),
    requestBytes: inbound.requestBytes,
    answerBytes: inbound.answerBytes,
    inputTokens: inbound.inputTokens,
    outputTokens: inbound.outputTokens,
  });
}

/** How long a request waited for its turn, or has waited when it ended. */
function queueMsOf({ queuedAtMs, turnAtMs }: InboundRequest, nowMs: number): number {
  return queuedAtMs === 0 ? 0 : (turnAtMs || nowMs) - queuedAtMs;
}

function asFailure(error: unknown): ProxyFailure {
  return error instanceof ProxyFailure ? error : new ProxyFailure("INTERNAL", undefined, { cause: error });
}

/** The cause for the log, which may name addresses; a client never gets it. */
function textOf(cause: unknown): string | undefined {
  return cause instanceof Error
    ? cause.message || ("code" in cause ? String(cause.code) : cause.name)
    : undefined;
}
