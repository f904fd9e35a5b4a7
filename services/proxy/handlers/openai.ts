import { mayUse } from "../auth/allow-list.ts";
import { answerJson } from "../inbound/answer.ts";
import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { Principal } from "../auth/principal.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { RoutingIndex } from "../routing/routing-index.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
import { readOpenAiBody } from "../wire/openai-body.ts";
import { handleKserveReadiness } from "./kserve.ts";
import { nativeQuery, passThrough, routeInference, type ProxyServices } from "./services.ts";

/** Paths of the OpenAI API that a model answers: all name it in the body's `model`. */
export const openAiPaths = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/responses",
] as const;

export type OpenAiPath = (typeof openAiPaths)[number];

/** Routed by the body's `model`, answered as it comes, SSE included. */
export async function handleOpenAi(
  services: ProxyServices,
  inbound: InboundRequest,
  path: OpenAiPath,
): Promise<void> {
  expectPlainBody(inbound);
  const body = await services.bodies.read(inbound);
  const { model, prompt } = readOpenAiBody(body);
  if (!model) throw new ProxyFailure("REQUEST_INVALID", `"model" is missing.`);
  const route = routeInference(services, inbound, { ...nativeQuery(inbound, model), protocol: "openai" });
  if (prompt) inbound.prompt = { body, ...prompt };
  await passThrough(services, inbound, route, {
    method: "POST",
    path,
    headerLines: upstreamHeaderLines(inbound),
    body,
  });
}

/** `GET /v1/models`: the models of all OpenAI engines that the caller may use, from the routing table. */
export function handleModelList(services: ProxyServices, inbound: InboundRequest): void {
  const { holders } = services.routes();
  answerJson(inbound, 200, {
    object: "list",
    data: [...holders.keys()]
      .toSorted()
      .flatMap((name) => modelEntry(holders, inbound.principal, name) ?? []),
  });
}

/** `GET /v1/models/{model}`: of an OpenAI engine, else of one of KServe's first protocol, which has the same path. */
export async function handleModel(
  services: ProxyServices,
  inbound: InboundRequest,
  name: string,
): Promise<void> {
  const { holders, servers } = services.routes();
  const entry = modelEntry(holders, inbound.principal, name);
  if (entry) {
    answerJson(inbound, 200, entry);
    return;
  }
  const server = servers.get(inbound.header("x-inference-server") ?? "");
  // What somebody may not use is not there for them, so that names cannot be tried out.
  if (server && server.protocol !== "kserve-v1") throw new ProxyFailure("MODEL_UNKNOWN");
  await handleKserveReadiness(services, inbound, name);
}

function modelEntry(
  holders: RoutingIndex["holders"],
  principal: Principal,
  name: string,
): Readonly<Record<string, unknown>> | undefined {
  const holder = holders.get(name)?.find(({ server }) => server.protocol === "openai");
  if (!holder || !mayUse(principal, holder.model.allow)) return undefined;
  // The routing table does not say when a model was created, and clients need a number.
  return { id: name, object: "model", created: 0, owned_by: holder.server.name };
}
