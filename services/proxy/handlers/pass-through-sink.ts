import { failureBody } from "../inbound/answer.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { ProxyMetrics, RouteLabels } from "../metrics.ts";
import type { ProxyFailure } from "../proxy-failure.ts";
import type { AnswerSink, UpstreamHeaders } from "../upstream/exchange.ts";
import { SseMeter, tokenUsage } from "../wire/sse-meter.ts";

/**
 * The only headers of an engine's answer that reach a client. Others tell of the engine's software and addresses, or
 * are for the connection behind the proxy.
 */
const passedHeaders = [
  "content-type",
  "content-length",
  "content-encoding",
  "cache-control",
  "retry-after",
  "inference-header-content-length",
  "endpoint-load-metrics",
];

/** End of an answer that is searched for token counts, in bytes; they follow the generated text. */
const usageTailBytes = 8 * 1024;

/** Hands an engine's answer to the client as it comes, and measures streams of tokens while they pass. */
export class PassThroughSink implements AnswerSink {
  /** The engine's status; 0 until it has answered. */
  status = 0;
  readonly #inbound: InboundRequest;
  readonly #metrics: ProxyMetrics;
  readonly #labels: RouteLabels;
  readonly #countsTokens: boolean;
  #meter: SseMeter | undefined;
  #lastTokenAtMs = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(
    inbound: InboundRequest,
    metrics: ProxyMetrics,
    labels: RouteLabels,
    options: { countsTokens: boolean },
  ) {
    this.#inbound = inbound;
    this.#metrics = metrics;
    this.#labels = labels;
    this.#countsTokens = options.countsTokens;
  }

  start(status: number, headers: UpstreamHeaders): boolean {
    const { response } = this.#inbound;
    this.status = status;
    for (const name of passedHeaders) {
      const value = headers[name];
      if (value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(status);
    const streaming = String(headers["content-type"] ?? "").startsWith("text/event-stream");
    if (streaming) {
      if (this.#countsTokens && status === 200) this.#meter = new SseMeter();
      // The client learns at once that its request was accepted, not only with the first token.
      response.flushHeaders();
    }
    return streaming;
  }

  data(chunk: Buffer, resume: () => void): boolean {
    const { response } = this.#inbound;
    const flowing = response.write(chunk);
    if (!flowing) response.once("drain", resume);
    if (this.#meter) this.#measure(this.#meter, chunk);
    else if (this.#countsTokens) this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-usageTailBytes);
    return flowing;
  }

  end(): void {
    this.#inbound.response.end();
    if (this.status === 200) this.#countTokens();
  }

  /** Ends an answer that the engine broke off, so that the client cannot take it for complete. */
  breakOff(failure: ProxyFailure): void {
    const { response } = this.#inbound;
    if (this.#meter) this.#countTokens();
    if (this.#meter?.betweenLines) {
      response.end(`\ndata: ${JSON.stringify(failureBody("openai", failure))}\n\n`);
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
      this.#metrics.timeToFirstToken.observe(this.#labels, (nowMs - this.#inbound.arrivedAtMs) / 1000);
      // Tokens that came together with the first one left the engine at the same time: there is no gap to measure.
    } else {
      const gapSeconds = (nowMs - this.#lastTokenAtMs) / 1000 / events;
      for (let event = 0; event < events; event++)
        this.#metrics.interTokenLatency.observe(this.#labels, gapSeconds);
    }
    this.#lastTokenAtMs = nowMs;
  }

  #countTokens(): void {
    if (!this.#countsTokens) return;
    const usage = this.#meter?.usage ?? tokenUsage(this.#tail.toString("latin1"));
    const output = usage.outputTokens ?? this.#meter?.events ?? 0;
    if (output > 0) this.#metrics.outputTokens.inc(this.#labels, output);
    if (usage.inputTokens) this.#metrics.inputTokens.inc(this.#labels, usage.inputTokens);
  }
}
