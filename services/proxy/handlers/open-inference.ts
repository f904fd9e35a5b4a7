import type { InboundRequest } from "../inbound/inbound-request.ts";
import { mayUse } from "../auth/allow-list.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { resolveRoute } from "../routing/resolve.ts";
import { upstreamHeaderLines } from "../upstream/request-headers.ts";
import { relayInformation } from "./model-information.ts";
import { nativeQuery, passThrough, routeInference, type ProxyServices } from "./services.ts";

/** The model and, where the path names one, the version of an Open Inference Protocol path. */
export interface ModelPath {
  readonly model: string;
  readonly version: string | undefined;
}

/** `POST /v2/models/{model}[/versions/{version}]/infer`: tensors as JSON or in the binary extension. */
export async function handleInfer(
  services: ProxyServices,
  inbound: InboundRequest,
  path: ModelPath,
): Promise<void> {
  // Checked first, so that a request to nowhere is refused before its tensors are read.
  const query = { ...nativeQuery(inbound, path.model, path.version), protocol: "open-inference-v2" as const };
  const route = routeInference(services, inbound, query);
  await passThrough(services, inbound, route, {
    method: "POST",
    path: `${route.modelPath}/infer`,
    headerLines: upstreamHeaderLines(inbound),
    body: await services.bodies.pass(inbound),
  });
}

/** `GET /v2/models/{model}[/versions/{version}][/ready|/config]`: what the engine says of a model. */
export async function handleModelInfo(
  services: ProxyServices,
  inbound: InboundRequest,
  path: ModelPath & { readonly action: "" | "ready" | "config" },
): Promise<void> {
  const query = { ...nativeQuery(inbound, path.model, path.version), protocol: "open-inference-v2" as const };
  const route = resolveRoute(services.routes(), query, services.random);
  if (!mayUse(inbound.principal, route.model.allow)) throw new ProxyFailure("NOT_ALLOWED");
  const enginePath = path.action === "" ? route.modelPath : `${route.modelPath}/${path.action}`;
  await relayInformation(services, inbound, route, enginePath);
}
