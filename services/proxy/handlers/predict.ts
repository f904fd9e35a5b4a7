import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { readPredictEnvelope } from "../wire/predict-envelope.ts";
import { forwardPayload } from "./forward-payload.ts";
import { queryOf, type ProxyServices } from "./services.ts";

/** `POST /predict`, the reference contract: an envelope around the request of any engine, and one around its answer. */
export async function handlePredict(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  expectPlainBody(inbound);
  const body = await services.bodies.read(inbound);
  const envelope = readPredictEnvelope(body);
  const { serverName, serverType, modelName, modelVersion } = envelope;
  const query = { ...queryOf(inbound, modelName), serverName, serverType, version: modelVersion };
  await forwardPayload(services, inbound, { body, span: envelope.payload, modelName }, query);
}
