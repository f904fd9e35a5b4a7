import { Counter, Registry } from "prom-client";
import type { Route, RouteLabels } from "../routing/routing-index.ts";
import { latencyBucketsSeconds, type LatencyHistogram } from "./latency-histogram.ts";
import { registerRead, type MetricType, type Sample } from "./read-metric.ts";
import { RouteMeter } from "./route-meter.ts";

const unknownLabels: RouteLabels = {
  server: "unknown",
  model: "unknown",
  version: "unknown",
  service_class: "unknown",
};

/** What the proxy measures. Each proxy has its own registry, so that several can run in one process. */
export class ProxyMetrics {
  readonly registry = new Registry();
  readonly unknown = new RouteMeter(unknownLabels);
  /** By the labels' values: a meter outlives the routes of a reloaded table. */
  readonly #meters = new Map<string, RouteMeter>([["", this.unknown]]);
  readonly #ofRoute = new WeakMap<Route, RouteMeter>();

  readonly routeReloads = new Counter({
    name: "inference_route_reloads_total",
    help: "Routing tables that were put into use, the first included.",
    registers: [this.registry],
  });

  constructor() {
    this.#count("inference_arrivals_total", "Inference requests that were routed.", ({ arrived }) => arrived);
    this.#register(
      "inference_requests_total",
      "counter",
      "Inference requests that have ended, by the HTTP status the client got; 499 means the client went away.",
      ({ labels, ended }) =>
        [...ended].map(([status, value]) => ({ value, labels: { ...labels, status: String(status) } })),
    );
    this.#register(
      "inference_in_flight_requests",
      "gauge",
      "Inference requests that were routed and have not ended.",
      ({ labels, inFlight }) => [{ value: inFlight, labels: { ...labels } }],
    );
    this.#register(
      "inference_queued_requests",
      "gauge",
      "Inference requests that wait in the proxy for their turn.",
      ({ labels, queued }) => [{ value: queued, labels: { ...labels } }],
    );
    this.#count(
      "inference_retries_total",
      "Requests that were sent to another replica.",
      ({ retries }) => retries,
    );
    this.#count(
      "inference_output_tokens_total",
      "Generated tokens, from the engine's usage report or else from the events of streams.",
      ({ outputTokens }) => outputTokens,
    );
    this.#count(
      "inference_input_tokens_total",
      "Prompt tokens, from the engine's usage report where there is one.",
      ({ inputTokens }) => inputTokens,
    );
    this.#observe(
      "inference_request_duration_seconds",
      "Time from the arrival of an inference request to the last byte of its answer, successful requests only.",
      ({ duration }) => duration,
    );
    this.#observe(
      "inference_queue_seconds",
      "Time that an inference request waited in the proxy for its turn.",
      ({ queueTime }) => queueTime,
    );
    this.#observe(
      "inference_upstream_seconds",
      "Time from the turn of an inference request to the last byte of the engine's answer, successful requests only.",
      ({ upstreamTime }) => upstreamTime,
    );
    this.#observe(
      "inference_time_to_first_token_seconds",
      "TTFT: time from the arrival of a streaming request to its first token.",
      ({ timeToFirstToken }) => timeToFirstToken,
    );
    this.#observe(
      "inference_inter_token_latency_seconds",
      "ITL: time between two tokens of a streaming answer.",
      ({ interTokenLatency }) => interTokenLatency,
    );
  }

  /** The meter of a route, that of `unknown` for a request that has none. */
  meterOf(route: Route | undefined): RouteMeter {
    if (!route) return this.unknown;
    let meter = this.#ofRoute.get(route);
    if (!meter) {
      const key = JSON.stringify(Object.values(route.labels));
      meter = this.#meters.get(key) ?? new RouteMeter(route.labels);
      this.#meters.set(key, meter);
      this.#ofRoute.set(route, meter);
    }
    return meter;
  }

  #count(name: string, help: string, read: (meter: RouteMeter) => number): void {
    this.#register(name, "counter", help, (meter) => {
      const value = read(meter);
      return value === 0 ? [] : [{ value, labels: { ...meter.labels } }];
    });
  }

  #observe(name: string, help: string, read: (meter: RouteMeter) => LatencyHistogram): void {
    this.#register(name, "histogram", help, (meter) => samplesOf(name, meter.labels, read(meter)));
  }

  #register(name: string, type: MetricType, help: string, read: (meter: RouteMeter) => Sample[]): void {
    registerRead(this.registry, name, type, help, () => [...this.#meters.values()].flatMap(read));
  }
}

function samplesOf(name: string, labels: RouteLabels, histogram: LatencyHistogram): Sample[] {
  if (histogram.count === 0) return [];
  return [
    ...histogram.cumulative().map((value, index) => ({
      value,
      labels: { ...labels, le: latencyBucketsSeconds[index] ?? 0 },
      metricName: `${name}_bucket`,
    })),
    { value: histogram.count, labels: { ...labels, le: "+Inf" }, metricName: `${name}_bucket` },
    { value: histogram.sumSeconds, labels: { ...labels }, metricName: `${name}_sum` },
    { value: histogram.count, labels: { ...labels }, metricName: `${name}_count` },
  ];
}
