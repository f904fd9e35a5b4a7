import type { RouteLabels } from "../routing/routing-index.ts";

/** What is known of a request when its span begins. */
export interface TracedRequest {
  readonly method: string;
  /** The path with its variable parts as names, such as `/v2/models/{model}/infer`: there are few of them. */
  readonly route: string;
  /** Without the query string. */
  readonly path: string;
  /** Headers as they came; anything but a valid W3C trace context counts as none. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** On the clock of `performance.now()`. */
  readonly arrivedAtMs: number;
}

/** What came of a request. Times that are not known are undefined. */
export interface EndedRequest {
  readonly status: number;
  /** Undefined where the request was refused before its route was known. */
  readonly route: RouteLabels | undefined;
  /** The proxy's own failure; undefined for an answer of an engine, whatever its status. */
  readonly errorCode: string | undefined;
  readonly queueMs: number | undefined;
  readonly upstreamMs: number | undefined;
  /** From arrival to the first event of a stream. */
  readonly ttftMs: number | undefined;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The span of one request, from its arrival to its last byte. */
export interface RequestSpan {
  /** What the engine gets as `traceparent` in place of the client's. */
  readonly traceparent: string;
  /** What the engine gets as `tracestate` in place of the client's; undefined for none. */
  readonly tracestate: string | undefined;
  end(request: EndedRequest): void;
}

/** Spans of requests on their way to a collector. */
export interface Tracing {
  begin(request: TracedRequest): RequestSpan;
  /** Spans that no collector got. */
  readonly lost: number;
  /** Sends what is left, for 2 s at most. */
  close(): Promise<void>;
}
