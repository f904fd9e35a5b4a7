import { failureBody } from "../inbound/answer.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { RouteMeter } from "../measures/route-meter.ts";
import type { ProxyFailure } from "../proxy-failure.ts";
import type { Route } from "../routing/routing-index.ts";
import type { AnswerHead } from "../upstream/connection/answer-parser.ts";
import type { AnswerSink } from "../upstream/exchange.ts";
import { SseMeter } from "../wire/sse-meter.ts";
import { UsageReader } from "../wire/usage-reader.ts";

/**
 * The only headers of an engine's answer that reach a client, besides its length. Others tell of the engine's software
 * and addresses, or are for the connection behind the proxy.
 */
const passedHeaders: ReadonlySet<string> = new Set([
  "content-type",
  "content-encoding",
  "cache-control",
  "retry-after",
  "inference-header-content-length",
  "endpoint-load-metrics",
]);

const lineFeed = 0x0a;

/** Longest line of a stream that is held until it is whole, in bytes. */
const maxHeldLineBytes = 64 * 1024;

/** Longest answer that is written together with its head, in bytes: copying more costs more than another write. */
const joinedBytes = 16 * 1024;

const noBytes = Buffer.alloc(0);

/** Hands an engine's answer to the client as it comes, and measures streams of tokens while they pass. */
export class PassThroughSink implements AnswerSink {
  /** The engine's status; 0 until it has answered. */
  status = 0;
  readonly #inbound: InboundRequest;
  readonly #route: Route;
  readonly #measures: RouteMeter;
  /** The engine reports tokens. */
  readonly #countsTokens: boolean;
  /** Of a stream. */
  #meter: SseMeter | undefined;
  /** Of any other answer. */
  #usage: UsageReader | undefined;
  #lastTokenAtMs = 0;
  #contentLength = -1;
  /** The beginning of a line of a stream whose end has not come yet. */
  #line: Buffer = noBytes;
  /** A line too long to be held has been handed on in part. */
  #insideLine = false;

  constructor(inbound: InboundRequest, route: Route, measures: RouteMeter) {
    this.#inbound = inbound;
    this.#route = route;
    this.#measures = measures;
    this.#countsTokens = route.server.protocol === "openai";
  }

  start({ status, headers, contentType, contentLength }: AnswerHead): boolean {
    this.status = status;
    const streaming = contentType.startsWith("text/event-stream");
    // A stream that breaks off is followed by an event that no length has told of.
    this.#contentLength = streaming ? -1 : contentLength;
    const passed = [...this.#route.answerHeaders];
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] ?? "";
      if (passedHeaders.has(name)) passed.push(name, headers[index + 1] ?? "");
    }
    if (this.#contentLength >= 0) passed.push("content-length", String(contentLength));
    this.#inbound.writeHead(status, passed);
    if (this.#countsTokens && status === 200) {
      if (streaming) this.#meter = new SseMeter();
      else this.#usage = new UsageReader();
    }
    if (streaming) {
      // The client learns at once that its request was accepted, not only with the first token.
      this.#inbound.response.flushHeaders();
    }
    return streaming;
  }

  data(chunk: Buffer, resume: () => void): boolean {
    const { response } = this.#inbound;
    if (this.#meter) {
      this.#measure(this.#meter, chunk);
      return this.#writeLines(chunk, resume);
    }
    this.#usage?.read(chunk);
    if (chunk.length === this.#contentLength && chunk.length <= joinedBytes) {
      // The whole answer: as one text that Node joins with the head, one write instead of several.
      this.#inbound.end(chunk.toString("latin1"));
      return true;
    }
    // Written as a copy: the next read overwrites the chunk, and a slow client may not have taken it by then.
    const flowing =
      chunk.length <= joinedBytes
        ? this.#inbound.write(chunk.toString("latin1"))
        : this.#inbound.write(Buffer.from(chunk));
    if (!flowing) response.once("drain", resume);
    return flowing;
  }

  /**
   * Hands whole lines of a stream on, which is what engines write. Of a line that an engine breaks off the client gets
   * nothing, so that an error event can always follow.
   */
  #writeLines(chunk: Buffer, resume: () => void): boolean {
    const { response } = this.#inbound;
    const end = chunk.lastIndexOf(lineFeed) + 1;
    if (end === 0 && this.#line.length + chunk.length <= maxHeldLineBytes) {
      this.#line = Buffer.concat([this.#line, chunk]);
      return true;
    }
    const whole = end === 0 ? chunk.length : end;
    this.#insideLine = end === 0;
    const text = this.#line.toString("latin1") + chunk.toString("latin1", 0, whole);
    this.#line = Buffer.from(chunk.subarray(whole));
    const flowing = this.#inbound.write(text);
    if (!flowing) response.once("drain", resume);
    return flowing;
  }

  end(): void {
    const { response } = this.#inbound;
    if (!response.writableEnded) this.#inbound.end(this.#line);
    if (this.status === 200) this.#countTokens();
  }

  /** Ends an answer that the engine broke off, so that the client cannot take it for complete. */
  breakOff(failure: ProxyFailure): void {
    const { response } = this.#inbound;
    if (this.#meter) this.#countTokens();
    if (this.#meter && !this.#insideLine) {
      this.#inbound.end(Buffer.from(`\ndata: ${JSON.stringify(failureBody("openai", failure))}\n\n`));
    } else {
      response.destroy();
    }
  }

  #measure(meter: SseMeter, chunk: Buffer): void {
    const first = meter.events === 0;
    const events = meter.feed(chunk);
    if (events === 0) return;
    const nowMs = performance.now();
    if (first) {
      this.#inbound.firstTokenAtMs = nowMs;
      this.#measures.timeToFirstToken.observe((nowMs - this.#inbound.arrivedAtMs) / 1000);
      // Tokens that came together with the first one left the engine at the same time: there is no gap to measure.
    } else {
      const gapSeconds = (nowMs - this.#lastTokenAtMs) / 1000 / events;
      this.#measures.interTokenLatency.observe(gapSeconds, events);
    }
    this.#lastTokenAtMs = nowMs;
  }

  #countTokens(): void {
    const { inputTokens = 0, outputTokens = this.#meter?.events ?? 0 } =
      this.#meter?.usage ?? this.#usage?.usage ?? {};
    this.#inbound.outputTokens += outputTokens;
    this.#inbound.inputTokens += inputTokens;
  }
}
