import { mayUse } from "../auth/allow-list.ts";
import { answerJson } from "../inbound/answer.ts";
import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
import { readOpenAiBody } from "../wire/openai-body.ts";
import { nativeQuery, passThrough, routeInference, type ProxyServices } from "./services.ts";

/** `POST /v1/chat/completions` and `/v1/completions`: routed by the body's `model`, answered as it comes, SSE included. */
export async function handleCompletions(
  services: ProxyServices,
  inbound: InboundRequest,
  path: "/v1/chat/completions" | "/v1/completions",
): Promise<void> {
  expectPlainBody(inbound);
  await services.bodies.withBody(inbound, async (body) => {
    const { model } = readOpenAiBody(body);
    if (!model) throw new ProxyFailure("REQUEST_INVALID", `"model" is missing.`);
    const route = routeInference(services, inbound, { ...nativeQuery(inbound, model), protocol: "openai" });
    await passThrough(services, inbound, route, {
      method: "POST",
      path,
      headerLines: upstreamHeaderLines(inbound.message.rawHeaders, inbound.id),
      body,
    });
  });
}

/** `GET /v1/models`: the models of all OpenAI engines, from the routing table. */
export function handleModelList(services: ProxyServices, inbound: InboundRequest): void {
  const owners = new Map<string, string>();
  for (const [name, holders] of services.routes().holders) {
    const owner = holders.find(({ server }) => server.protocol === "openai");
    if (owner && mayUse(inbound.principal, owner.model.allow)) owners.set(name, owner.server.name);
  }
  answerJson(inbound, 200, {
    object: "list",
    // The routing table does not say when a model was created, and clients need a number.
    data: [...owners].toSorted().map(([id, owner]) => ({ id, object: "model", created: 0, owned_by: owner })),
  });
}
