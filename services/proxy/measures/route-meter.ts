import type { RouteLabels } from "../routing/routing-index.ts";
import { LatencyHistogram } from "./latency-histogram.ts";

/**
 * What is measured of one model version and service class: plain numbers, made into metrics when somebody asks for them.
 * A general metrics library looks its labels up for every count, which would be a quarter of a request's CPU time.
 */
export class RouteMeter {
  readonly labels: RouteLabels;
  /** Requests that have ended, by the status that the client got. */
  readonly ended = new Map<number, number>();
  arrived = 0;
  inFlight = 0;
  /** Requests that wait for their turn in the proxy. */
  queued = 0;
  retries = 0;
  inputTokens = 0;
  outputTokens = 0;
  /** Arrival to last byte, successful requests only. */
  readonly duration = new LatencyHistogram();
  /** From asking for a turn in the engine to having it, or to giving up. */
  readonly queueTime = new LatencyHistogram();
  /** Sent to the engine to its last byte, successful requests only. */
  readonly upstreamTime = new LatencyHistogram();
  readonly timeToFirstToken = new LatencyHistogram();
  readonly interTokenLatency = new LatencyHistogram();

  constructor(labels: RouteLabels) {
    this.labels = labels;
  }

  end(status: number, seconds: number): void {
    this.ended.set(status, (this.ended.get(status) ?? 0) + 1);
    if (status >= 200 && status < 300) this.duration.observe(seconds);
  }
}
