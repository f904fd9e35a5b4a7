import { answerBytes, answerJson, type AnswerStyle } from "../inbound/answer.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { serverIdentity } from "../server-identity.ts";
import { handleDominoModel } from "./domino-model.ts";
import { handleKservePredict } from "./kserve.ts";
import { handleInfer, handleModelInfo } from "./open-inference.ts";
import { handleModel, handleModelList, handleOpenAi, openAiPaths, type OpenAiPath } from "./openai.ts";
import { handlePredict } from "./predict.ts";
import { handleRepositoryIndex } from "./repository-index.ts";
import type { ProxyServices } from "./services.ts";

/** What a path of the proxy does. */
export interface PathHandler {
  readonly method: "GET" | "POST";
  /** The path with its variable parts as names: what traces tell requests apart by. */
  readonly route: string;
  /** `health`: answered without a credential. `inference`: counted in the metrics. */
  readonly kind: "health" | "information" | "inference";
  readonly handle: (services: ProxyServices, inbound: InboundRequest) => Promise<void> | void;
}

/** Answered without a credential, also where metrics have a port of their own. */
const healthPaths: ReadonlyMap<string, PathHandler> = new Map<string, PathHandler>([
  // A JSON string, as the reference proxy's clients and probes expect it.
  ["/healthz", health("/healthz", (_services, inbound) => answerJson(inbound, 200, "{'status': 'Healthy'}"))],
  ["/livez", health("/livez", (_services, inbound) => answerJson(inbound, 200, { status: "live" }))],
  ["/readyz", health("/readyz", answerReadiness)],
]);

const metricsHandler = health("/metrics", answerMetrics);

const fixedPaths: ReadonlyMap<string, PathHandler> = new Map<string, PathHandler>([
  ["/predict", inference("/predict", handlePredict)],
  ...openAiPaths.map((path) => [path, openAi(path)] as const),
  ["/v1/models", information("GET", "/v1/models", handleModelList)],
  ["/v2/repository/index", information("POST", "/v2/repository/index", handleRepositoryIndex)],
  ...healthPaths,
  [
    "/v2/health/live",
    health("/v2/health/live", (_services, inbound) => answerJson(inbound, 200, { live: true })),
  ],
  ["/v2/health/ready", health("/v2/health/ready", answerReadiness)],
  ["/v2", information("GET", "/v2", answerServerMetadata)],
]);

const openInferencePattern = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready|config))?$/;
const kservePattern = /^\/v1\/models\/([^/]+?):predict$/;
const openAiModelPattern = /^\/v1\/models\/([^/]+(?:\/[^/]+)?)$/;
const dominoPattern = /^\/models\/([^/]+)\/([^/]+)\/model$/;

/**
 * Finds what a path does on the public port, which has no metrics where they have a port of their own.
 *
 * @throws ProxyFailure for a path or method that the proxy does not have
 */
export function handlerOf(services: ProxyServices, method: string | undefined, path: string): PathHandler {
  const handler =
    fixedPaths.get(path) ??
    (path === "/metrics" && !services.metricsApart ? metricsHandler : modelHandler(path));
  return allowed(handler, method);
}

/** The same of the port for metrics and health. */
export function measureHandlerOf(method: string | undefined, path: string): PathHandler {
  return allowed(path === "/metrics" ? metricsHandler : healthPaths.get(path), method);
}

function allowed(handler: PathHandler | undefined, method: string | undefined): PathHandler {
  if (!handler) throw new ProxyFailure("PATH_UNKNOWN");
  if (handler.method !== method) {
    throw new ProxyFailure("METHOD_NOT_ALLOWED", `The path takes ${handler.method} requests.`, {
      allow: handler.method,
    });
  }
  return handler;
}

export function styleOf(path: string): AnswerStyle {
  // KServe's first protocol tells errors as its second does.
  if (path.startsWith("/v2/") || kservePattern.test(path)) return "open-inference";
  return path.startsWith("/v1/") ? "openai" : "predict";
}

function modelHandler(path: string): PathHandler | undefined {
  return openInferenceHandler(path) ?? kserveHandler(path) ?? openAiModelHandler(path) ?? dominoHandler(path);
}

function openInferenceHandler(path: string): PathHandler | undefined {
  const match = openInferencePattern.exec(path);
  if (!match?.[1]) return undefined;
  const model = decoded(match[1]);
  const version = match[2] === undefined ? undefined : decoded(match[2]);
  const action = match[3] as "infer" | "ready" | "config" | undefined;
  if (action === "infer") {
    const route = `/v2/models/{model}${version === undefined ? "" : "/versions/{version}"}/infer`;
    return inference(route, (services, inbound) => handleInfer(services, inbound, { model, version }));
  }
  return information("GET", "/v2/models/{model}", (services, inbound) =>
    handleModelInfo(services, inbound, { model, version, action: action ?? "" }),
  );
}

function kserveHandler(path: string): PathHandler | undefined {
  const model = kservePattern.exec(path)?.[1];
  if (model === undefined) return undefined;
  const name = decoded(model);
  return inference("/v1/models/{model}:predict", (services, inbound) =>
    handleKservePredict(services, inbound, name),
  );
}

function openAiModelHandler(path: string): PathHandler | undefined {
  const model = openAiModelPattern.exec(path)?.[1];
  if (model === undefined) return undefined;
  const name = decoded(model);
  return information("GET", "/v1/models/{model}", (services, inbound) =>
    handleModel(services, inbound, name),
  );
}

function dominoHandler(path: string): PathHandler | undefined {
  const match = dominoPattern.exec(path);
  if (!match?.[1] || !match[2]) return undefined;
  const model = decoded(match[1]);
  const version = decoded(match[2]);
  return inference("/models/{model}/{version}/model", (services, inbound) =>
    handleDominoModel(services, inbound, model, version),
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ProxyFailure("REQUEST_INVALID", "The path is not valid percent-encoded UTF-8.");
  }
}

function inference(route: string, handle: PathHandler["handle"]): PathHandler {
  return { method: "POST", route, kind: "inference", handle };
}

function information(
  method: PathHandler["method"],
  route: string,
  handle: PathHandler["handle"],
): PathHandler {
  return { method, route, kind: "information", handle };
}

function openAi(path: OpenAiPath): PathHandler {
  return inference(path, (services, inbound) => handleOpenAi(services, inbound, path));
}

function answerServerMetadata(_services: ProxyServices, inbound: InboundRequest): void {
  answerJson(inbound, 200, {
    ...serverIdentity,
    extensions: ["model_repository", "binary_tensor_data"],
  });
}

function health(route: string, handle: PathHandler["handle"]): PathHandler {
  return { method: "GET", route, kind: "health", handle };
}

function answerReadiness(services: ProxyServices, inbound: InboundRequest): void {
  const ready = services.ready();
  answerJson(inbound, ready ? 200 : 503, { ready });
}

async function answerMetrics({ metrics }: ProxyServices, inbound: InboundRequest): Promise<void> {
  const text = await metrics.registry.metrics();
  answerBytes(inbound, 200, Buffer.from(text), metrics.registry.contentType);
}
