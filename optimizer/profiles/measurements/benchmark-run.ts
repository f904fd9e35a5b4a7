import type { MeasuredPoint } from "../measured-point.ts";
import type { ImportProblem } from "./import-problem.ts";
import { shown } from "./import-problem.ts";

/** One metric of one run, in the unit that the file states. */
export interface RunMetric {
  /** Where it stands in the file, for problems. */
  readonly field: string;
  readonly unit: string;
  readonly mean: number;
}

/** What the exports of AIPerf and GenAI-Perf say about one run, whatever their format. */
export interface BenchmarkRun {
  readonly ttft?: RunMetric;
  readonly itl?: RunMetric;
  readonly latency?: RunMetric;
  readonly inputTokens?: RunMetric;
  readonly outputTokens?: RunMetric;
  readonly requestsPerSecond?: RunMetric;
  readonly requestCount?: RunMetric;
  readonly errorCount?: RunMetric;
  /** How the client sent requests; absent where the file does not say. */
  readonly load?: RunLoad;
}

export type RunLoad =
  /** The next request when one ends. */
  | { readonly kind: "concurrency"; readonly concurrency: number }
  /** At the client's own pace, however many are in flight. */
  | { readonly kind: "rate" };

/** Milliseconds in one of the unit, by the names that the exports have for it. */
const millisecondsOf: Readonly<Record<string, number>> = {
  ns: 1e-6,
  nanoseconds: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  microseconds: 1e-3,
  ms: 1,
  milliseconds: 1,
  s: 1e3,
  sec: 1e3,
  seconds: 1e3,
  min: 6e4,
};

const tokenUnits: Readonly<Record<string, number>> = { "": 1, tokens: 1, token: 1 };
const countUnits: Readonly<Record<string, number>> = { "": 1, requests: 1, count: 1 };
const rateUnits: Readonly<Record<string, number>> = {
  "requests/sec": 1,
  "requests/s": 1,
  "per sec": 1,
  "requests/min": 1 / 60,
};

/** A run in which more requests failed says more about the failures than about the engine's speed. */
const mostFailedFraction = 0.1;

/**
 * Requests in flight, by Little's law, up to which a run counts as one with a single request: the mean over a run with
 * `--concurrency 1` is a little below 1, and rounded figures may bring it a little above.
 */
const singleRequest = 1.05;

/** The run as one point, or all that is wrong with it. */
export function pointOfRun(
  run: BenchmarkRun,
  concurrency: number | undefined,
):
  | { readonly ok: true; readonly point: MeasuredPoint }
  | { readonly ok: false; readonly problems: ImportProblem[] } {
  const problems: ImportProblem[] = [];
  const scaled = (
    metric: RunMetric | undefined,
    units: Readonly<Record<string, number>>,
  ): number | undefined => {
    if (!metric) return undefined;
    const factor = Object.hasOwn(units, metric.unit) ? units[metric.unit] : undefined;
    if (factor === undefined) {
      const allowed = Object.keys(units).filter(Boolean).join(", ");
      problems.push({ kind: "unknown-unit", field: metric.field, found: shown(metric.unit), allowed });
    }
    return factor === undefined ? undefined : metric.mean * factor;
  };
  const ttftMs = scaled(run.ttft, millisecondsOf);
  const itlMs = scaled(run.itl, millisecondsOf);
  const latencyMs = scaled(run.latency, millisecondsOf);
  const inputTokens = scaled(run.inputTokens, tokenUnits);
  const outputTokens = scaled(run.outputTokens, tokenUnits);
  const requestsPerSecond = scaled(run.requestsPerSecond, rateUnits);
  const requests = scaled(run.requestCount, countUnits);
  const failed = scaled(run.errorCount, countUnits);

  if (!run.ttft && !run.itl) {
    problems.push({
      kind: "missing",
      field: "time_to_first_token and inter_token_latency",
      allowed: "a streaming run: both are measured only with --streaming",
    });
  }
  if (!run.inputTokens) {
    problems.push({
      kind: "missing",
      field: "input_sequence_length",
      allowed: "mean prompt tokens a request",
    });
  }
  if (requests !== undefined && failed !== undefined && failed > mostFailedFraction * (requests + failed)) {
    problems.push({
      kind: "failed-requests",
      found: `${failed} of ${requests + failed}`,
      allowed: `at most ${mostFailedFraction * 100} %`,
    });
  }
  const batch = concurrency ?? inFlight(run.load, requestsPerSecond, latencyMs);
  if (batch === undefined) {
    problems.push({
      kind: "missing",
      field: "concurrency",
      allowed: "the run's concurrency, or its request throughput and latency, whose product it is",
    });
  }
  if (problems.length > 0 || batch === undefined || inputTokens === undefined) return { ok: false, problems };
  return {
    ok: true,
    point: {
      batch,
      inputTokens,
      ...(outputTokens === undefined ? {} : { outputTokens }),
      ...(ttftMs === undefined ? {} : { ttftMs }),
      ...(itlMs === undefined ? {} : { itlMs }),
    },
  };
}

/**
 * Requests in flight that a request meets, itself included. Little's law gives their mean over time; requests that
 * come at their own pace each meet that mean and add themselves, requests at a fixed concurrency are part of it.
 */
function inFlight(
  load: RunLoad | undefined,
  requestsPerSecond: number | undefined,
  latencyMs: number | undefined,
): number | undefined {
  if (load?.kind === "concurrency") return load.concurrency;
  if (requestsPerSecond === undefined || latencyMs === undefined) return undefined;
  const mean = (requestsPerSecond * latencyMs) / 1e3;
  if (load?.kind === "rate") return mean < singleRequest - 1 ? 1 : 1 + mean;
  return mean < singleRequest ? 1 : mean;
}
