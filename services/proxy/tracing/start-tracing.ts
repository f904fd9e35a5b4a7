import type { Logger } from "pino";
import type { Tracing } from "./tracing.ts";

export interface TracingOptions {
  readonly log: Logger;
  /** How clients reach the proxy. */
  readonly scheme: "http" | "https";
}

/**
 * Starts tracing to a collector by OTLP (JSON over HTTP), set up by OpenTelemetry's environment variables:
 * `OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT`, `_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, `OTEL_TRACES_SAMPLER`
 * and its `_ARG`, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID for a variable that cannot be followed
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  // Loaded only here: the packages take 0.2 s and 20 MB that a proxy without tracing has no use for.
  const { OtlpTracing } = await import("./otlp-tracing.ts");
  return OtlpTracing.start(options);
}
