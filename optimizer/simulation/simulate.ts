/**
 * The iteration-level simulation of a generation engine, the reference for the analytic model: exact in what the engine
 * does, known within its confidence interval in what random arrivals make of it.
 */
import { certain } from "../certain.ts";
import {
  checkTrace,
  measuredRequests,
  offeredPerSecond,
  poissonTimes,
  sampleTokens,
  type GenerationArrival,
  type PoissonLoad,
  type TokenLength,
  type TraceLoad,
} from "./arrivals.ts";
import type { ContinuousBatchSettings } from "./continuous-batching.ts";
import { runGeneration, type GenerationOutcome, type GenerationRun } from "./generation-run.ts";
import { halfWidth, quantile, timeStatistics, type TimeStatistics } from "./sample-statistics.ts";
import { saturatedGenerationPerSecond, type GenerationWork } from "./saturation.ts";

/** Random requests to a generation engine. */
export interface GenerationLoad extends PoissonLoad {
  readonly promptTokens: TokenLength;
  readonly outputTokens: TokenLength;
}

export interface SimulationOptions {
  /** Without `maxWaiting` the queue has no end, as in the analytic model: nobody is refused. */
  readonly engine: ContinuousBatchSettings;
  readonly load: GenerationLoad | TraceLoad<GenerationArrival>;
  /**
   * Iterations after which the run is cut off, and again those to measure saturation.
   * @default 100 million: a few seconds of CPU, and more than any load needs that an engine can serve
   */
  readonly maxIterations?: number;
}

/** What the requests that count met. Times are over those that finished. */
export interface SimulationSummary {
  readonly finished: number;
  /** They met a full queue: the engine is overloaded at least for a while. */
  readonly refused: number;
  /** The run was cut off before they ended. */
  readonly unfinished: number;
  /** From arrival to the end of the iteration that finishes the prompt. */
  readonly ttftMillis: TimeStatistics;
  readonly itlMillis: {
    /** Over all gaps between tokens; not a number where every request has one token. */
    readonly mean: number;
    /** Half-width of the 95 % confidence interval of the mean; infinite where the requests are too few to tell. */
    readonly meanHalfWidth: number;
    /** Over requests of at least 2 tokens, of each one's mean gap. */
    readonly p95: number;
    /** As `meanHalfWidth`, of `p95`. */
    readonly p95HalfWidth: number;
  };
  /** From arrival to the last token. */
  readonly latencyMillis: TimeStatistics;
  /** Requests a second that end while the requests that count are under way. */
  readonly throughputPerSecond: number;
  /** Requests a second that the engine serves while requests always wait. */
  readonly saturationRatePerSecond: number;
  /** Rate of arrivals over `saturationRatePerSecond`; at 1 and above the queue grows until it refuses. */
  readonly utilisation: number;
  /** Mean over time of the requests that wait outside the batch. */
  readonly meanWaiting: number;
  /** Mean over time of the sequences in the batch. */
  readonly meanRunning: number;
}

export interface Simulation {
  readonly summary: SimulationSummary;
  /** `iteration-limit`: the run was cut off, and the summary covers what ended before. */
  readonly ended: GenerationRun["ended"];
  /** All iterations of the run, those while requests that do not count are served among them. */
  readonly iterations: number;
  /** Time of all iterations. */
  readonly busyMillis: number;
  /** The requests that count, in order of arrival. */
  readonly requests: readonly GenerationOutcome[];
}

/** Deterministic: equal options and random numbers give an equal answer. Throws a RangeError for options out of range. */
export function simulate({
  engine: settings,
  load,
  maxIterations = 100_000_000,
}: SimulationOptions): Simulation {
  const engine = { ...settings, maxWaiting: settings.maxWaiting ?? Number.POSITIVE_INFINITY };
  if (load.kind === "trace") checkTrace(load.arrivals);
  const measured = measuredRequests(load);
  const arrivals = load.kind === "trace" ? load.arrivals : randomArrivals(load);
  const run = runGeneration(engine, arrivals, measured, maxIterations);
  const requests = run.requests.slice(measured.first, measured.first + measured.count);
  const saturation = saturatedGenerationPerSecond(engine, workOf(load), maxIterations);
  return {
    summary: summarise(requests, run.window, offeredPerSecond(load), saturation),
    ended: run.ended,
    iterations: run.iterations,
    busyMillis: run.busyMillis,
    requests,
  };
}

function* randomArrivals(load: GenerationLoad): Generator<GenerationArrival, never> {
  const { random, promptTokens, outputTokens } = load;
  const times = poissonTimes(random, load.ratePerSecond);
  for (;;) {
    yield {
      arrivalMillis: times.next().value,
      promptTokens: sampleTokens(promptTokens, random),
      outputTokens: sampleTokens(outputTokens, random),
    };
  }
}

/** Work as the load brings it; that of a trace begins anew after its end. */
function workOf(load: SimulationOptions["load"]): () => GenerationWork {
  if (load.kind === "trace") {
    let index = 0;
    return () => certain(load.arrivals[index++ % load.arrivals.length]);
  }
  const { random, promptTokens, outputTokens } = load;
  return () => ({
    promptTokens: sampleTokens(promptTokens, random),
    outputTokens: sampleTokens(outputTokens, random),
  });
}

function summarise(
  requests: readonly GenerationOutcome[],
  window: GenerationRun["window"],
  offered: number,
  saturation: number,
): SimulationSummary {
  const finished = requests.filter(({ state }) => state === "finished");
  const refused = requests.filter(({ state }) => state === "refused").length;
  const withGaps = finished.filter(({ outputTokens }) => outputTokens >= 2);
  const p95Gap = (part: readonly GenerationOutcome[]): number =>
    quantile(Float64Array.from(part, (request) => meanGapMillis([request])).sort(), 0.95);
  return {
    finished: finished.length,
    refused,
    unfinished: requests.length - finished.length - refused,
    ttftMillis: timeStatistics(finished.map((request) => request.firstTokenMillis - request.arrivalMillis)),
    itlMillis: {
      mean: meanGapMillis(withGaps),
      meanHalfWidth: halfWidth(withGaps, meanGapMillis),
      p95: p95Gap(withGaps),
      p95HalfWidth: halfWidth(withGaps, p95Gap),
    },
    latencyMillis: timeStatistics(finished.map((request) => request.lastTokenMillis - request.arrivalMillis)),
    throughputPerSecond: (window.finished * 1000) / (window.toMillis - window.fromMillis),
    saturationRatePerSecond: saturation,
    utilisation: offered / saturation,
    meanWaiting: window.meanWaiting,
    meanRunning: window.meanRunning,
  };
}

/** Mean over all gaps between tokens of the requests. */
function meanGapMillis(requests: readonly GenerationOutcome[]): number {
  let totalMillis = 0;
  let gaps = 0;
  for (const { firstTokenMillis, lastTokenMillis, outputTokens } of requests) {
    totalMillis += lastTokenMillis - firstTokenMillis;
    gaps += outputTokens - 1;
  }
  return totalMillis / gaps;
}
