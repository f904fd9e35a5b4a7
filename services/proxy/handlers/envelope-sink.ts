import type { BodyReader } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import type { Route } from "../routing/routing-index.ts";
import type { AnswerHead } from "../upstream/connection/answer-parser.ts";
import type { AnswerSink } from "../upstream/exchange.ts";
import { UsageReader } from "../wire/usage-reader.ts";

/** Longest error that is looked into for JSON although the engine does not call it that, in bytes. */
const maxUndeclaredBytes = 64 * 1024;

/** Longest result that is written together with its envelope, in bytes: copying more costs more than another write. */
const joinedBytes = 16 * 1024;

/** Collects an engine's answer, so that the client gets a whole envelope or an error, never half of one. */
export class EnvelopeSink implements AnswerSink {
  readonly #maxBytes: number;
  readonly #bodies: BodyReader;
  readonly #inbound: InboundRequest;
  /** Of an engine that reports tokens. */
  readonly #usage: UsageReader | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #isJson = false;
  #contentLength = -1;
  #answered = false;

  constructor(
    { maxBodyBytes, bodies }: { readonly maxBodyBytes: number; readonly bodies: BodyReader },
    inbound: InboundRequest,
    route: Route,
  ) {
    this.#usage = route.server.protocol === "openai" ? new UsageReader() : undefined;
    this.#maxBytes = maxBodyBytes;
    this.#bodies = bodies;
    this.#inbound = inbound;
  }

  start({ status, headers, contentType, contentLength }: AnswerHead): boolean {
    // What cannot be read as JSON cannot stand in an envelope, whatever it would unpack to.
    for (let index = 0; index < headers.length; index += 2) {
      if (headers[index] === "content-encoding" && headers[index + 1]?.toLowerCase() !== "identity")
        throw new ProxyFailure("ENGINE_ANSWER_INVALID");
    }
    this.#status = status;
    this.#contentLength = contentLength;
    this.#isJson =
      contentType === "application/json" || /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType);
    // An error without JSON is still an answer; its status says enough.
    if (!this.#isJson && status < 400) throw new ProxyFailure("ENGINE_ANSWER_INVALID");
    return false;
  }

  data(chunk: Buffer): boolean {
    this.#usage?.read(chunk);
    if (this.#isJson && chunk.length === this.#contentLength && chunk.length <= joinedBytes) {
      // The whole answer, as mostly: nothing has to be kept.
      this.#answerText(chunk.toString("latin1"));
      return true;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes)
      throw new ProxyFailure("ENGINE_ANSWER_INVALID", "The engine's answer is too large.");
    if (!this.#isJson && this.#bytes > maxUndeclaredBytes) return true;
    this.#bodies.hold(this.#inbound, chunk.length);
    this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  end(): void {
    if (this.#usage && this.#status === 200) {
      const { inputTokens = 0, outputTokens = 0 } = this.#usage.usage;
      this.#inbound.inputTokens += inputTokens;
      this.#inbound.outputTokens += outputTokens;
    }
    if (this.#answered) return;
    const result = this.#result();
    if (!result) {
      this.#answerText("null");
      return;
    }
    const head = `{"status_code":${this.#status},"result":`;
    this.#writeHead(head.length + this.#bytes + 1);
    this.#inbound.write(head);
    for (const chunk of result) this.#inbound.write(chunk);
    this.#inbound.end("}");
  }

  /** As one text that Node joins with the head: one write instead of several. */
  #answerText(result: string): void {
    const envelope = `{"status_code":${this.#status},"result":${result}}`;
    this.#writeHead(envelope.length);
    this.#inbound.end(envelope);
  }

  #writeHead(bytes: number): void {
    this.#answered = true;
    this.#inbound.writeHead(this.#status, [
      "content-type",
      "application/json",
      "content-length",
      String(bytes),
    ]);
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
