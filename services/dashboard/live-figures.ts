import type { PlatformPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";
import type { MetricSample } from "./metrics-text.ts";

/** The proxy's metrics at one moment. */
export interface Snapshot {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly samples: readonly MetricSample[];
}

/** What a server (model version and class) does now, beside what the plan says. */
export interface ServerFigures {
  readonly id: string;
  readonly requestsPerMinute: number;
  readonly failedPerMinute: number;
  /** Over the window; null where nothing was measured in it. */
  readonly latencyMeanMs: number | null;
  readonly latencyP95Ms: number | null;
  readonly ttftMeanMs: number | null;
  readonly ttftP95Ms: number | null;
  readonly itlMeanMs: number | null;
  /** Over all gaps between tokens. */
  readonly itlP95Ms: number | null;
}

export interface LiveFigures {
  /** Length of the window the figures are over. */
  readonly windowSeconds: number;
  readonly requestsPerMinute: number;
  readonly servers: readonly ServerFigures[];
}

/** Figures of the time between two snapshots. Counters that went back (a proxy that restarted) count from zero. */
export function liveFigures(plan: PlatformPlan, older: Snapshot, newer: Snapshot): LiveFigures {
  const windowSeconds = Math.max((newer.atMs - older.atMs) / 1000, 0.001);
  const before = new Map(older.samples.map((sample) => [sampleKey(sample), sample.value]));
  const increases = newer.samples.map((sample) => {
    const earlier = before.get(sampleKey(sample)) ?? 0;
    return { ...sample, value: sample.value >= earlier ? sample.value - earlier : sample.value };
  });
  const servers = plan.servers.map((server) => serverFigures(server, increases, windowSeconds));
  return {
    windowSeconds,
    requestsPerMinute: servers.reduce((sum, server) => sum + server.requestsPerMinute, 0),
    servers,
  };
}

function serverFigures(
  server: ServerPlan,
  increases: readonly MetricSample[],
  windowSeconds: number,
): ServerFigures {
  const own = increases.filter(
    ({ labels }) =>
      labels.server === server.engine &&
      labels.model === server.model &&
      labels.version === server.version &&
      labels.service_class === server.serviceClass,
  );
  const requests = own.filter((sample) => sample.name === "inference_requests_total");
  const perMinute = (samples: readonly MetricSample[]) =>
    (samples.reduce((sum, sample) => sum + sample.value, 0) * 60) / windowSeconds;
  return {
    id: server.id,
    requestsPerMinute: perMinute(requests),
    failedPerMinute: perMinute(requests.filter((sample) => Number(sample.labels.status) >= 400)),
    latencyMeanMs: meanMs(own, "inference_request_duration_seconds"),
    latencyP95Ms: quantileMs(own, "inference_request_duration_seconds", 0.95),
    ttftMeanMs: meanMs(own, "inference_time_to_first_token_seconds"),
    ttftP95Ms: quantileMs(own, "inference_time_to_first_token_seconds", 0.95),
    itlMeanMs: meanMs(own, "inference_inter_token_latency_seconds"),
    itlP95Ms: quantileMs(own, "inference_inter_token_latency_seconds", 0.95),
  };
}

/** Quantile of a histogram by linear interpolation inside its bucket, as PromQL's histogram_quantile does it. */
function quantileMs(samples: readonly MetricSample[], metric: string, quantile: number): number | null {
  const counts = new Map<number, number>();
  for (const sample of samples) {
    if (sample.name !== `${metric}_bucket`) continue;
    const bound = sample.labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(sample.labels.le);
    counts.set(bound, (counts.get(bound) ?? 0) + sample.value);
  }
  const buckets = [...counts].toSorted(([left], [right]) => left - right);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = quantile * total;
  let lowerBound = 0;
  let lowerCount = 0;
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      if (!Number.isFinite(bound)) return lowerBound * 1000;
      return (
        (lowerBound + ((bound - lowerBound) * (rank - lowerCount)) / Math.max(count - lowerCount, 1)) * 1000
      );
    }
    lowerBound = bound;
    lowerCount = count;
  }
  return lowerBound * 1000;
}

function meanMs(samples: readonly MetricSample[], metric: string): number | null {
  const sum = (suffix: string) =>
    samples
      .filter(({ name }) => name === `${metric}_${suffix}`)
      .reduce((total, { value }) => total + value, 0);
  const count = sum("count");
  return count === 0 ? null : (sum("sum") / count) * 1000;
}

function sampleKey({ name, labels }: MetricSample): string {
  return `${name} ${Object.entries(labels)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",")}`;
}
