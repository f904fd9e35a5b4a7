import type { Logger } from "pino";
import type { Authenticator } from "../auth/authenticator.ts";
import { handlerOf, styleOf, type PathHandler } from "../handlers/paths.ts";
import type { ProxyServices } from "../handlers/services.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { answerFailure } from "./answer.ts";
import type { InboundRequest } from "./inbound-request.ts";

/** Handles one request from its first to its last byte: authenticate, handle, answer failures, measure. Never throws. */
export async function serveRequest(
  services: ProxyServices,
  authenticator: Authenticator,
  log: Logger,
  inbound: InboundRequest,
): Promise<void> {
  const { response, message, path } = inbound;
  let handler: PathHandler | undefined;
  let status: number;
  try {
    handler = handlerOf(message.method, path);
    if (handler.kind !== "health") {
      const principal = authenticator.authenticate(inbound);
      inbound.principal = principal instanceof Promise ? await principal : principal;
    }
    await handler.handle(services, inbound);
    status = response.statusCode;
  } catch (error) {
    const failure = inbound.gone ? new ProxyFailure("CLIENT_CLOSED") : asFailure(error);
    status = failure.status;
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
  if (handler?.kind === "inference") measure(services, inbound, status);
}

function measure({ metrics }: ProxyServices, inbound: InboundRequest, status: number): void {
  const meter = metrics.meterOf(inbound.route);
  if (inbound.route) meter.inFlight--;
  meter.end(status, (performance.now() - inbound.arrivedAtMs) / 1000);
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
