import { answerBytes, answerJson, type AnswerStyle } from "../inbound/answer.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { handleInfer, handleModelInfo } from "./open-inference.ts";
import { handleCompletions, handleModelList } from "./openai.ts";
import { handlePredict } from "./predict.ts";
import { handleRepositoryIndex } from "./repository-index.ts";
import type { ProxyServices } from "./services.ts";

/** What a path of the proxy does. */
export interface PathHandler {
  readonly method: "GET" | "POST";
  /** `health`: answered without a credential. `inference`: counted in the metrics. */
  readonly kind: "health" | "information" | "inference";
  readonly handle: (services: ProxyServices, inbound: InboundRequest) => Promise<void> | void;
}

const fixedPaths: ReadonlyMap<string, PathHandler> = new Map<string, PathHandler>([
  ["/predict", { method: "POST", kind: "inference", handle: handlePredict }],
  ["/v1/chat/completions", completions("/v1/chat/completions")],
  ["/v1/completions", completions("/v1/completions")],
  ["/v1/models", { method: "GET", kind: "information", handle: handleModelList }],
  ["/v2/repository/index", { method: "POST", kind: "information", handle: handleRepositoryIndex }],
  // A JSON string, as the reference proxy's clients and probes expect it.
  ["/healthz", health((_services, inbound) => answerJson(inbound, 200, "{'status': 'Healthy'}"))],
  ["/livez", health((_services, inbound) => answerJson(inbound, 200, { status: "live" }))],
  ["/readyz", health(answerReadiness)],
  ["/v2/health/live", health((_services, inbound) => answerJson(inbound, 200, { live: true }))],
  ["/v2/health/ready", health(answerReadiness)],
  ["/metrics", health(answerMetrics)],
]);

const modelPathPattern = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/;

/** Finds what a path does. Throws a `ProxyFailure` for a path or method that the proxy does not have. */
export function handlerOf(method: string | undefined, path: string): PathHandler {
  const handler = fixedPaths.get(path) ?? modelHandler(path);
  if (!handler) throw new ProxyFailure("PATH_UNKNOWN");
  if (handler.method !== method) {
    throw new ProxyFailure("METHOD_NOT_ALLOWED", `The path takes ${handler.method} requests.`);
  }
  return handler;
}

export function styleOf(path: string): AnswerStyle {
  if (path.startsWith("/v2/")) return "open-inference";
  return path.startsWith("/v1/") ? "openai" : "predict";
}

function modelHandler(path: string): PathHandler | undefined {
  const match = modelPathPattern.exec(path);
  if (!match?.[1]) return undefined;
  const model = decoded(match[1]);
  const version = match[2] === undefined ? undefined : decoded(match[2]);
  if (match[3] === "infer") {
    return {
      method: "POST",
      kind: "inference",
      handle: (services, inbound) => handleInfer(services, inbound, { model, version }),
    };
  }
  const ready = match[3] === "ready";
  return {
    method: "GET",
    kind: "information",
    handle: (services, inbound) => handleModelInfo(services, inbound, { model, version, ready }),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ProxyFailure("REQUEST_INVALID", "The path is not valid percent-encoded UTF-8.");
  }
}

function completions(path: "/v1/chat/completions" | "/v1/completions"): PathHandler {
  return {
    method: "POST",
    kind: "inference",
    handle: (services, inbound) => handleCompletions(services, inbound, path),
  };
}

function health(handle: PathHandler["handle"]): PathHandler {
  return { method: "GET", kind: "health", handle };
}

function answerReadiness(services: ProxyServices, inbound: InboundRequest): void {
  const ready = services.ready();
  answerJson(inbound, ready ? 200 : 503, { ready });
}

async function answerMetrics({ metrics }: ProxyServices, inbound: InboundRequest): Promise<void> {
  const text = await metrics.registry.metrics();
  answerBytes(inbound, 200, Buffer.from(text), metrics.registry.contentType);
}
