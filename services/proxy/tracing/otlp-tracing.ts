import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Context,
  type Tracer,
} from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { CountedExporter } from "./counted-exporter.ts";
import { expectEndpoints, samplerOf } from "./environment.ts";
import { OtlpRequestSpan } from "./otlp-request-span.ts";
import type { TracingOptions } from "./start-tracing.ts";
import type { RequestSpan, TracedRequest, Tracing } from "./tracing.ts";

/** Spans that wait for their export, at most: some 5 MB. */
const maxWaitingSpans = 2_048;
/**
 * Spans of one export: they are turned into JSON in one go, and no request goes on meanwhile. At shutdown all exports
 * begin at once, of which the exporter takes 30.
 */
const spansPerExport = 128;
/** Longest time that a span waits for others to be sent with, in ms. */
const exportIntervalMs = 1_000;
/** How long an export may take with its retries, where the environment does not say: it also outlives `close`. */
const exportTimeoutMs = 3_000;
const closeTimeoutMs = 2_000;

export class OtlpTracing implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #exporter: CountedExporter;
  readonly #scheme: string;
  #closed: Promise<void> | undefined;

  private constructor(provider: TracerProvider, exporter: CountedExporter, scheme: string) {
    this.#provider = provider;
    this.#tracer = provider.getTracer("domino-inference-proxy");
    this.#exporter = exporter;
    this.#scheme = scheme;
  }

  /** @see startTracing */
  static start({ log, scheme }: TracingOptions): OtlpTracing {
    const { env } = process;
    const sampler = samplerOf(env);
    expectEndpoints(env);
    const timeoutSaid = env["OTEL_EXPORTER_OTLP_TIMEOUT"] || env["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"];
    const exporter = new CountedExporter(
      new OTLPTraceExporter(timeoutSaid ? {} : { timeoutMillis: exportTimeoutMs }),
      log,
      maxWaitingSpans,
      () => performance.now(),
    );
    const provider = new TracerProvider({
      sampler,
      resource: defaultResource()
        .merge(resourceFromAttributes({ "service.name": "domino-inference-proxy" }))
        .merge(detectResources({ detectors: [envDetector] })),
      // Clients choose paths; nothing else that is written can be long.
      spanLimits: { attributeValueLengthLimit: 1_024 },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: maxWaitingSpans,
          maxExportBatchSize: spansPerExport,
          scheduledDelayMillis: exportIntervalMs,
        }),
      ],
    });
    return new OtlpTracing(provider, exporter, scheme);
  }

  get lost(): number {
    return this.#exporter.lost;
  }

  begin({ method, route, path, traceparent, tracestate, arrivedAtMs }: TracedRequest): RequestSpan {
    // On the wall clock as it is now: the monotonic one drifts away from it over the weeks that a proxy runs.
    const startMs = Date.now() - (performance.now() - arrivedAtMs);
    const span = this.#tracer.startSpan(
      `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        startTime: startMs,
        attributes: {
          "http.request.method": method,
          "http.route": route,
          "url.path": path,
          "url.scheme": this.#scheme,
        },
      },
      traceparent === undefined ? ROOT_CONTEXT : parentContext(traceparent, tracestate),
    );
    return new OtlpRequestSpan(span, this.#exporter, startMs, arrivedAtMs);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeTimeoutMs);
    });
    // What fails has been counted and logged by the exporter.
    await Promise.race([this.#provider.shutdown().catch(() => {}), timeout]);
    clearTimeout(timer);
    this.#exporter.abandon();
  }
}

/** Without a valid parent there is no state of a trace either. */
function parentContext(traceparent: string, tracestate: string | undefined): Context {
  const parent = parseTraceParent(traceparent);
  if (!parent) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...parent,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}
