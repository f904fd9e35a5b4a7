import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { RouteQuery } from "../routing/resolve.ts";
import type { Route } from "../routing/routing-index.ts";
import { forward } from "../upstream/forward.ts";
import { traceLines } from "../upstream/request-headers.ts";
import type { JsonSpan } from "../wire/json-bytes.ts";
import { readOpenAiBody } from "../wire/openai-body.ts";
import { EnvelopeSink } from "./envelope-sink.ts";
import { kservePath } from "./kserve.ts";
import { awaitTurn, routeInference, type ProxyServices } from "./services.ts";

/** A request of an engine within an envelope of the proxy's. */
export interface Payload {
  readonly body: Buffer;
  readonly span: JsonSpan;
  readonly modelName: string;
}

/** A path of an engine, and the body that goes there. */
interface PayloadTarget {
  readonly path: string;
  readonly body: Buffer;
}

/** Sends the payload to its engine as its bytes are, and answers with the engine's answer in an envelope. */
export function forwardPayload(
  services: ProxyServices,
  inbound: InboundRequest,
  payload: Payload,
  query: RouteQuery,
): Promise<void> {
  const route = routeInference(services, inbound, query);
  const target = payloadTarget(payload, route, inbound);
  const turn = awaitTurn(services, inbound, route);
  return turn
    ? turn.then(() => sendPayload(services, inbound, route, target))
    : sendPayload(services, inbound, route, target);
}

function sendPayload(
  services: ProxyServices,
  inbound: InboundRequest,
  route: Route,
  { path, body }: PayloadTarget,
): Promise<void> {
  const sink = new EnvelopeSink(services, inbound, route);
  const request = { method: "POST", path, headerLines: headerLinesOf(inbound), body } as const;
  return forward(services.upstream, route, request, sink, inbound);
}

/** Where the payload goes. Other paths than the inference of tensors follow from what the payload holds. */
function payloadTarget(
  { body, span, modelName }: Payload,
  route: Route,
  inbound: InboundRequest,
): PayloadTarget {
  const bytes = body.subarray(span.start, span.end);
  switch (route.server.protocol) {
    case "openai":
      return openAiTarget(body, span, modelName, inbound);
    case "kserve-v1":
      return { path: kservePath(modelName), body: bytes };
    case "open-inference-v2":
      return { path: `${route.modelPath}/infer`, body: bytes };
  }
}

/**
 * The payload goes to the path of what it holds: chat, completions or embeddings. A payload without a model gets the
 * envelope's: OpenAI servers differ in whether they need it, and the envelope has already said it. It is put in front
 * of the first key, so the client's bytes still go through as they are.
 */
function openAiTarget(
  body: Buffer,
  payload: JsonSpan,
  modelName: string,
  inbound: InboundRequest,
): PayloadTarget {
  const read = readOpenAiBody(body, payload);
  if (read.prompt) inbound.prompt = { body, ...read.prompt };
  const paths = [
    ...(read.hasMessages ? ["/v1/chat/completions"] : []),
    ...(read.hasPrompt ? ["/v1/completions"] : []),
    ...(read.hasInput ? ["/v1/embeddings"] : []),
  ];
  const [path] = paths;
  if (!path || paths.length > 1) {
    throw new ProxyFailure(
      "PREDICT_ENVELOPE_INVALID",
      `The payload must hold one of "messages", "prompt" and "input".`,
    );
  }
  if (read.model !== undefined && read.model !== modelName) {
    throw new ProxyFailure(
      "PREDICT_ENVELOPE_INVALID",
      `The envelope's model and the payload's "model" disagree.`,
    );
  }
  if (read.stream) {
    throw new ProxyFailure(
      "PREDICT_ENVELOPE_INVALID",
      `There is no stream in an envelope; use /v1/chat/completions.`,
    );
  }
  const bytes = body.subarray(payload.start, payload.end);
  return {
    path,
    body:
      read.model === undefined
        ? Buffer.concat([Buffer.from(`{"model":${JSON.stringify(modelName)},`), bytes.subarray(1)])
        : bytes,
  };
}

/** An answer that is compressed could not be put into an envelope. */
const jsonHeaderLines =
  "content-type: application/json\r\naccept: application/json\r\naccept-encoding: identity\r\n";

/** The client's headers describe its envelope, not the payload; only the trace context applies to both. */
function headerLinesOf(inbound: InboundRequest): string {
  const { id, span } = inbound;
  let lines = `x-request-id: ${id}\r\n${jsonHeaderLines}`;
  if (span) return lines + traceLines(span);
  const traceparent = inbound.firstHeader("traceparent");
  if (traceparent === undefined) return lines;
  const tracestate = inbound.firstHeader("tracestate");
  lines += `traceparent: ${traceparent}\r\n`;
  return tracestate === undefined ? lines : `${lines}tracestate: ${tracestate}\r\n`;
}
