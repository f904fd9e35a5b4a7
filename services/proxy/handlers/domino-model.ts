import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { expectEnd, forEachMember, type JsonSpan } from "../wire/json-bytes.ts";
import { forwardPayload } from "./forward-payload.ts";
import { queryOf, type ProxyServices } from "./services.ts";

/**
 * `POST /models/{model}/{version}/model` as Domino's Model APIs are called: `{"data": {…}}` with the engine's own request
 * as data. The version may be `latest`. Answered as /predict is.
 */
export async function handleDominoModel(
  services: ProxyServices,
  inbound: InboundRequest,
  model: string,
  version: string,
): Promise<void> {
  expectPlainBody(inbound);
  const body = await services.bodies.read(inbound);
  const serverName = inbound.header("x-inference-server");
  const query = queryOf(inbound, { modelName: model, serverName, version });
  await forwardPayload(services, inbound, { body, span: dataOf(body), modelName: model }, query);
}

function dataOf(body: Buffer): JsonSpan {
  let data: JsonSpan | undefined;
  const end = forEachMember(body, 0, (key, value) => {
    if (key !== "data" || data || value.kind !== "object") {
      throw new ProxyFailure("REQUEST_INVALID", `The body must hold one key, "data", with an object.`);
    }
    data = value;
  });
  expectEnd(body, end);
  if (!data) throw new ProxyFailure("REQUEST_INVALID", `"data" is missing.`);
  return data;
}
