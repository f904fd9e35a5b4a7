import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Route } from "./routing/resolve.ts";

const labelNames = ["server", "model", "version", "service_class"] as const;

/** The labels of a metric: names of the routing table, or `unknown`, so that clients cannot create new series. */
export type RouteLabels = Readonly<Record<(typeof labelNames)[number], string>>;

const unknownLabels: RouteLabels = {
  server: "unknown",
  model: "unknown",
  version: "unknown",
  service_class: "unknown",
};

/**
 * Six steps a decade from 1 ms to 30 s, then the long end of generation. A quantile read from them is at most a
 * quarter off, enough to compare with an SLO and to plot windowed percentiles without a second measure.
 */
const latencyBucketsSeconds = [
  0.001, 0.0015, 0.0022, 0.0033, 0.0047, 0.0068, 0.01, 0.015, 0.022, 0.033, 0.047, 0.068, 0.1, 0.15, 0.22,
  0.33, 0.47, 0.68, 1, 1.5, 2.2, 3.3, 4.7, 6.8, 10, 15, 30, 60, 120, 300,
];

/** What the proxy measures. Each proxy has its own registry, so that several can run in one process. */
export class ProxyMetrics {
  readonly registry = new Registry();

  readonly requests = new Counter({
    name: "inference_requests_total",
    help: "Inference requests that have ended, by the HTTP status the client got; 499 means the client went away.",
    labelNames: [...labelNames, "status"],
    registers: [this.registry],
  });

  readonly requestDuration = new Histogram({
    name: "inference_request_duration_seconds",
    help: "Time from the arrival of an inference request to the last byte of its answer, successful requests only.",
    labelNames,
    buckets: latencyBucketsSeconds,
    registers: [this.registry],
  });

  readonly timeToFirstToken = new Histogram({
    name: "inference_time_to_first_token_seconds",
    help: "TTFT: time from the arrival of a streaming request to its first token.",
    labelNames,
    buckets: latencyBucketsSeconds,
    registers: [this.registry],
  });

  readonly interTokenLatency = new Histogram({
    name: "inference_inter_token_latency_seconds",
    help: "ITL: time between two tokens of a streaming answer.",
    labelNames,
    buckets: latencyBucketsSeconds,
    registers: [this.registry],
  });

  readonly outputTokens = new Counter({
    name: "inference_output_tokens_total",
    help: "Generated tokens, from the engine's usage report or else from the events of streams.",
    labelNames,
    registers: [this.registry],
  });

  readonly inputTokens = new Counter({
    name: "inference_input_tokens_total",
    help: "Prompt tokens, from the engine's usage report where there is one.",
    labelNames,
    registers: [this.registry],
  });

  readonly inFlight = new Gauge({
    name: "inference_in_flight_requests",
    help: "Inference requests that were routed and have not ended.",
    labelNames,
    registers: [this.registry],
  });

  readonly routeReloads = new Counter({
    name: "inference_route_reloads_total",
    help: "Routing tables that were put into use, the first included.",
    registers: [this.registry],
  });
}

export function labelsOf(route: Route | undefined): RouteLabels {
  if (!route) return unknownLabels;
  return {
    server: route.server.name,
    model: route.model.name,
    version: route.version,
    service_class: route.serviceClass,
  };
}
