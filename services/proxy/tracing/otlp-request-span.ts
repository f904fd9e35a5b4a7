import { SpanStatusCode, TraceFlags, type Span } from "@opentelemetry/api";
import type { CountedExporter } from "./counted-exporter.ts";
import type { EndedRequest, RequestSpan } from "./tracing.ts";

/**
 * The span of a request, with the names of OpenTelemetry's semantic conventions for HTTP servers and generative models;
 * what these do not name begins with `inference.`. Times are in seconds, as there.
 */
export class OtlpRequestSpan implements RequestSpan {
  readonly #span: Span;
  readonly #exporter: CountedExporter;
  readonly #startMs: number;
  readonly #arrivedAtMs: number;

  /**
   * @param startMs when the request arrived, since the epoch
   * @param arrivedAtMs the same on the clock of `performance.now()`
   */
  constructor(span: Span, exporter: CountedExporter, startMs: number, arrivedAtMs: number) {
    this.#span = span;
    this.#exporter = exporter;
    this.#startMs = startMs;
    this.#arrivedAtMs = arrivedAtMs;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? "01" : "00"}`;
  }

  get tracestate(): string | undefined {
    return this.#span.spanContext().traceState?.serialize() || undefined;
  }

  end(request: EndedRequest): void {
    const span = this.#span;
    if (!span.isRecording() || !this.#exporter.admit()) return;
    const { status, errorCode } = request;
    span.setAttribute("http.response.status_code", status);
    if (errorCode !== undefined || status >= 500) span.setAttribute("error.type", errorCode ?? `${status}`);
    // A request that the client got wrong is no error of a server, by the conventions.
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    describeInference(span, request);
    span.end(this.#startMs + (performance.now() - this.#arrivedAtMs));
  }
}

function describeInference(
  span: Span,
  { route, queueMs, upstreamMs, ttftMs, inputTokens, outputTokens }: EndedRequest,
): void {
  if (route) {
    span.setAttribute("inference.server", route.server);
    span.setAttribute("inference.model", route.model);
    span.setAttribute("inference.version", route.version);
    span.setAttribute("inference.service_class", route.service_class);
  }
  if (queueMs !== undefined) span.setAttribute("inference.queue_seconds", queueMs / 1_000);
  if (upstreamMs !== undefined) span.setAttribute("inference.upstream_seconds", upstreamMs / 1_000);
  if (ttftMs !== undefined) span.setAttribute("gen_ai.response.time_to_first_chunk", ttftMs / 1_000);
  if (inputTokens + outputTokens === 0) return;
  if (route) span.setAttribute("gen_ai.request.model", route.model);
  span.setAttribute("gen_ai.usage.input_tokens", inputTokens);
  span.setAttribute("gen_ai.usage.output_tokens", outputTokens);
}
