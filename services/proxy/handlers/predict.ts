import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { readPredictEnvelope } from "../wire/predict-envelope.ts";
import { forwardPayload } from "./forward-payload.ts";
import { queryOf, type ProxyServices } from "./services.ts";

/** `POST /predict`, the reference contract: an envelope around the request of any engine, and one around its answer. */
export function handlePredict(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  expectPlainBody(inbound);
  const body = services.bodies.read(inbound);
  // Mostly it is there, and a promise for nothing is not free.
  return Buffer.isBuffer(body)
    ? predict(services, inbound, body)
    : body.then((come) => predict(services, inbound, come));
}

function predict(services: ProxyServices, inbound: InboundRequest, body: Buffer): Promise<void> {
  const { serverName, serverType, modelName, modelVersion, payload } = readPredictEnvelope(body);
  const query = queryOf(inbound, { modelName, serverName, serverType, version: modelVersion });
  return forwardPayload(services, inbound, { body, span: payload, modelName }, query);
}
