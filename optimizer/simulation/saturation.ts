import { ContinuousBatch, type ContinuousBatchSettings } from "./continuous-batching.ts";
import { DynamicBatch, type BatchableRequest, type DynamicBatchSettings } from "./dynamic-batching.ts";

/** Requests whose throughput is measured: with geometric lengths it is then known within about a percent. */
const measuredRequests = 10_000;
/** Times the batch is filled anew before that, so that its sequences are at all stages. */
const warmUpBatches = 5;

/** What a request asks of the engine. */
export interface GenerationWork {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/**
 * The most that a generation engine serves: its throughput while requests always wait. The rate below it is what the
 * engine can hold for ever.
 *
 * @param nextWork gives the work of one request after the other, without end.
 * @returns requests a second; not a number where `maxIterations` do not suffice for a measurement.
 */
export function saturatedGenerationPerSecond(
  settings: ContinuousBatchSettings,
  nextWork: () => GenerationWork,
  maxIterations: number,
): number {
  const batch = new ContinuousBatch({ ...settings, maxWaiting: settings.maxBatchSize });
  const warmUp = warmUpBatches * settings.maxBatchSize;
  let id = 0;
  let nowMillis = 0;
  let finished = 0;
  let warm: { readonly atMillis: number; readonly finished: number } | undefined;
  for (let iterations = 0; iterations < maxIterations && finished < warmUp + measuredRequests;) {
    while (batch.waitingCount < settings.maxBatchSize) batch.enqueue({ ...nextWork(), id: id++ });
    const iteration = batch.begin();
    if (iteration === undefined) break;
    const count = Math.min(iteration.alike, maxIterations - iterations);
    iterations += count;
    nowMillis += count * iteration.durationMillis;
    for (const { last } of batch.end(count)) if (last) finished++;
    if (finished >= warmUp) warm ??= { atMillis: nowMillis, finished };
  }
  return warm === undefined ? Number.NaN : ((finished - warm.finished) / (nowMillis - warm.atMillis)) * 1000;
}

/**
 * The most that a request/response engine serves: its throughput while as many requests wait as may.
 *
 * @param nextWork gives the work of one request after the other, without end.
 * @returns requests a second.
 */
export function saturatedInferencePerSecond(
  settings: DynamicBatchSettings,
  nextWork: () => Pick<BatchableRequest, "batchKey" | "items" | "maxBatchSize" | "parameters">,
): number {
  const queue = new DynamicBatch(settings);
  let id = 0;
  let work = nextWork();
  let served = 0;
  let busyMillis = 0;
  while (served < measuredRequests) {
    for (; queue.enqueue({ ...work, id, arrivalMillis: 0 }); id++) work = nextWork();
    // However long a batch may be held back, in a queue without end the oldest request is due.
    const batch = queue.begin(Number.POSITIVE_INFINITY);
    if (batch?.kind !== "batch") break;
    served += batch.requests.length;
    busyMillis += batch.durationMillis;
  }
  return ((settings.instances ?? 1) * served * 1000) / busyMillis;
}
