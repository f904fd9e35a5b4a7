import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { AnswerHead } from "../upstream/connection/answer-parser.ts";
import type { AnswerSink } from "../upstream/exchange.ts";
import { forward } from "../upstream/forward.ts";
import { readOpenAiBody } from "../wire/openai-body.ts";
import { readPredictEnvelope, type PredictEnvelope } from "../wire/predict-envelope.ts";
import { modelPath } from "./open-inference.ts";
import { routeInference, type ProxyServices } from "./services.ts";

/** `POST /predict`, the reference contract: an envelope around the request of any engine, and one around its answer. */
export async function handlePredict(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  expectPlainBody(inbound);
  await services.bodies.withBody(inbound, async (body) => {
    const envelope = readPredictEnvelope(body);
    const { serverName, serverType, modelName, modelVersion } = envelope;
    const route = routeInference(services, inbound, {
      serverName,
      serverType,
      modelName,
      version: modelVersion,
    });
    const target =
      route.server.protocol === "openai"
        ? openAiTarget(body, envelope)
        : {
            path: modelPath(modelName, route.version, "infer"),
            body: body.subarray(envelope.payload.start, envelope.payload.end),
          };
    const sink = new EnvelopeSink(services.maxBodyBytes);
    await forward(
      services.upstream,
      route,
      { method: "POST", headerLines: headerLinesOf(inbound), ...target },
      sink,
      inbound,
    );
    sink.answer(inbound);
  });
}

/**
 * The payload goes to the chat or the completions path by what it holds. A payload without a model gets the
 * envelope's: OpenAI servers differ in whether they need it, and the envelope has already said it. It is put in front
 * of the first key, so the client's bytes still go through as they are.
 */
function openAiTarget(body: Buffer, { payload, modelName }: PredictEnvelope): { path: string; body: Buffer } {
  const read = readOpenAiBody(body, payload);
  if (read.hasMessages === read.hasPrompt) {
    throw new ProxyFailure(
      "PREDICT_ENVELOPE_INVALID",
      `The payload must hold either "messages" or "prompt".`,
    );
  }
  if (read.model !== undefined && read.model !== modelName) {
    throw new ProxyFailure("PREDICT_ENVELOPE_INVALID", `"model_name" and the payload's "model" disagree.`);
  }
  if (read.stream) {
    throw new ProxyFailure("PREDICT_ENVELOPE_INVALID", `/predict cannot stream; use /v1/chat/completions.`);
  }
  const bytes = body.subarray(payload.start, payload.end);
  return {
    path: read.hasMessages ? "/v1/chat/completions" : "/v1/completions",
    body:
      read.model === undefined
        ? Buffer.concat([Buffer.from(`{"model":${JSON.stringify(modelName)},`), bytes.subarray(1)])
        : bytes,
  };
}

/** The client's headers describe its envelope, not the payload; only the trace context applies to both. */
function headerLinesOf({ id, message: { headers } }: InboundRequest): string {
  const { traceparent, tracestate } = headers;
  let lines = `x-request-id: ${id}\r\ncontent-type: application/json\r\naccept: application/json\r\n`;
  if (typeof traceparent === "string") lines += `traceparent: ${traceparent}\r\n`;
  if (typeof tracestate === "string") lines += `tracestate: ${tracestate}\r\n`;
  return lines;
}

/** Longest error that is looked into for JSON although the engine does not call it that, in bytes. */
const maxUndeclaredBytes = 64 * 1024;

/** Longest result that is written together with its envelope, in bytes: copying more costs more than another write. */
const joinedBytes = 16 * 1024;

/** Collects an engine's answer, so that the client gets a whole envelope or an error, never half of one. */
class EnvelopeSink implements AnswerSink {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #isJson = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  start({ status, contentType }: AnswerHead): boolean {
    this.#status = status;
    this.#isJson =
      contentType === "application/json" || /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType);
    // An error without JSON is still an answer; its status says enough.
    if (!this.#isJson && status < 400) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
    return false;
  }

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes)
      throw new ProxyFailure("ENGINE_ANSWER_INVALID", "The engine's answer is too large.");
    if (this.#isJson || this.#bytes <= maxUndeclaredBytes) this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  end(): void {}

  answer(inbound: InboundRequest): void {
    const head = `{"status_code":${this.#status},"result":`;
    const result = this.#result();
    const bytes = result ? this.#bytes : "null".length;
    const length = head.length + bytes + 1;
    inbound.writeHead(this.#status, ["content-type", "application/json", "content-length", String(length)]);
    const { response } = inbound;
    const [only] = result ?? [];
    if (!result) {
      response.end(`${head}null}`, "latin1");
    } else if (only && result.length === 1 && bytes <= joinedBytes) {
      // As one text that Node joins with the head: one write instead of several.
      response.end(`${head}${only.toString("latin1")}}`, "latin1");
    } else {
      response.write(head, "latin1");
      for (const chunk of result) response.write(chunk);
      response.end("}", "latin1");
    }
  }

  #result(): readonly Buffer[] | undefined {
    if (this.#bytes === 0) return undefined;
    if (this.#isJson) return this.#chunks;
    if (this.#bytes > maxUndeclaredBytes) return undefined;
    // Triton declares the error of an unknown model as plain text, and it is JSON all the same.
    return isJsonText(Buffer.concat(this.#chunks)) ? this.#chunks : undefined;
  }
}

function isJsonText(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}
