/** The simulation of a request/response engine, the reference for the analytic model of dynamic batching. */
import { certain } from "../certain.ts";
import {
  checkTimes,
  measuredRequests,
  offeredPerSecond,
  poissonTimes,
  type PoissonLoad,
  type TraceLoad,
} from "./arrivals.ts";
import {
  runBatching,
  type BatchingRun,
  type InferenceArrival,
  type InferenceOutcome,
} from "./batching-run.ts";
import type { DynamicBatchSettings } from "./dynamic-batching.ts";
import { timeStatistics, type TimeStatistics } from "./sample-statistics.ts";
import { saturatedInferencePerSecond } from "./saturation.ts";

/** Random requests to one model of a request/response engine. */
export interface InferenceLoad extends PoissonLoad {
  readonly parameters: InferenceArrival["parameters"];
  /**
   * Size of each request along the batch dimension, 1…maxBatchSize.
   * @default 1
   */
  readonly items?: number;
}

export interface BatchingSimulationOptions {
  /** Without `maxWaiting` the queue has no end, as in the analytic model: nobody is refused. */
  readonly engine: DynamicBatchSettings;
  readonly load: InferenceLoad | TraceLoad<InferenceArrival>;
  /**
   * Batches after which the run is cut off.
   * @default 10 million: a few seconds of CPU
   */
  readonly maxBatches?: number;
}

/** What the requests that count met. Times are over those that finished. */
export interface BatchingSummary {
  readonly finished: number;
  /** They met a full queue: the engine is overloaded at least for a while. */
  readonly refused: number;
  /** The run was cut off before they ended. */
  readonly unfinished: number;
  /** From arrival to the end of the batch. */
  readonly latencyMillis: TimeStatistics;
  /** From arrival to the start of the batch. */
  readonly queueMillis: TimeStatistics;
  /** Requests a second that end while the requests that count are under way. */
  readonly throughputPerSecond: number;
  /** Requests a second that the engine serves while as many requests wait as may. */
  readonly saturationRatePerSecond: number;
  /** Rate of arrivals over `saturationRatePerSecond`; at 1 and above the queue grows until it refuses. */
  readonly utilisation: number;
}

export interface BatchingSimulation {
  readonly summary: BatchingSummary;
  /** `batch-limit`: the run was cut off, and the summary covers what ended before. */
  readonly ended: BatchingRun["ended"];
  /** All batches of the run, those of requests that do not count among them. */
  readonly batches: number;
  /** Time of all batches, over all instances. */
  readonly busyMillis: number;
  /** The requests that count, in order of arrival. */
  readonly requests: readonly InferenceOutcome[];
}

/** Deterministic: equal options and random numbers give an equal answer. Throws a RangeError for options out of range. */
export function simulateDynamicBatching(options: BatchingSimulationOptions): BatchingSimulation {
  const { load, maxBatches = 10_000_000 } = options;
  const engine = { ...options.engine, maxWaiting: options.engine.maxWaiting ?? Number.POSITIVE_INFINITY };
  const measured = measuredRequests(load);
  checkItems(engine, load);
  if (load.kind === "trace") checkTimes(load.arrivals);
  const arrivals = load.kind === "trace" ? load.arrivals : randomArrivals(load);
  const run = runBatching(engine, arrivals, measured, maxBatches);
  const requests = run.requests.slice(measured.first, measured.first + measured.count);
  const saturation = saturatedInferencePerSecond(options.engine, workOf(load));
  return {
    summary: summarise(requests, run.window, offeredPerSecond(load), saturation),
    ended: run.ended,
    batches: run.batches,
    busyMillis: run.busyMillis,
    requests,
  };
}

function checkItems(engine: DynamicBatchSettings, load: BatchingSimulationOptions["load"]): void {
  const requests = load.kind === "trace" ? load.arrivals : [randomWork(load)];
  for (const { items, maxBatchSize = engine.maxBatchSize } of requests) {
    if (!(maxBatchSize <= engine.maxBatchSize)) {
      throw new RangeError(`batches of ${maxBatchSize} are above the engine's ${engine.maxBatchSize}`);
    }
    if (!(Number.isSafeInteger(items) && items >= 1 && items <= maxBatchSize)) {
      throw new RangeError(`a request of ${items} items does not fit a batch of ${maxBatchSize}`);
    }
  }
}

function* randomArrivals(load: InferenceLoad): Generator<InferenceArrival, never> {
  const times = poissonTimes(load.random, load.ratePerSecond);
  const work = randomWork(load);
  for (;;) yield { arrivalMillis: times.next().value, ...work };
}

function randomWork({ parameters, items = 1 }: InferenceLoad): Omit<InferenceArrival, "arrivalMillis"> {
  return { batchKey: "model", items, parameters };
}

/** Work as the load brings it; that of a trace begins anew after its end. */
function workOf(load: BatchingSimulationOptions["load"]): () => Omit<InferenceArrival, "arrivalMillis"> {
  if (load.kind === "poisson") return () => randomWork(load);
  let index = 0;
  return () => certain(load.arrivals[index++ % load.arrivals.length]);
}

function summarise(
  requests: readonly InferenceOutcome[],
  window: BatchingRun["window"],
  offered: number,
  saturation: number,
): BatchingSummary {
  const finished = requests.filter(({ state }) => state === "finished");
  const refused = requests.filter(({ state }) => state === "refused").length;
  return {
    finished: finished.length,
    refused,
    unfinished: requests.length - finished.length - refused,
    latencyMillis: timeStatistics(finished.map(({ arrivalMillis, endMillis }) => endMillis - arrivalMillis)),
    queueMillis: timeStatistics(
      finished.map(({ arrivalMillis, startMillis }) => startMillis - arrivalMillis),
    ),
    throughputPerSecond: (window.finished * 1000) / (window.toMillis - window.fromMillis),
    saturationRatePerSecond: saturation,
    utilisation: offered / saturation,
  };
}
