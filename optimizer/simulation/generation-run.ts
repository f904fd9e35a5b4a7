import { ArrivalSource } from "./arrival-source.ts";
import type { GenerationArrival, MeasuredRequests } from "./arrivals.ts";
import { ContinuousBatch, type ContinuousBatchSettings } from "./continuous-batching.ts";

/** What became of one request. */
export interface GenerationOutcome extends GenerationArrival {
  /** `refused`: it met a full queue. `unfinished`: the run ended before it did. */
  readonly state: "finished" | "refused" | "unfinished";
  /** End of the iteration that read the last of its prompt; not a number where none did. */
  readonly firstTokenMillis: number;
  /** Not a number where it is not finished. */
  readonly lastTokenMillis: number;
}

/** A run of the engine in virtual time. */
export interface GenerationRun {
  /** In order of arrival, those that do not count among them. */
  readonly requests: readonly GenerationOutcome[];
  /** `complete`: every request that counts is finished or was refused. */
  readonly ended: "complete" | "iteration-limit";
  readonly iterations: number;
  /** Time of all iterations. */
  readonly busyMillis: number;
  /** From the arrival of the first request that counts to the end of the run. */
  readonly window: {
    readonly fromMillis: number;
    readonly toMillis: number;
    /** Requests that ended in it. */
    readonly finished: number;
    /** Mean over time of the requests that wait outside the batch. */
    readonly meanWaiting: number;
    /** Mean over time of the sequences in the batch. */
    readonly meanRunning: number;
  };
}

/** Requests after the last one that counts, which keep up the load until it has finished. */
const mostFollowing = 1_000;

/**
 * Runs continuous batching over arrivals in virtual time. A request that arrives as an iteration ends takes part in the
 * next one. Runs of alike iterations are not stepped through: their times are added up one by one, as the emulator adds
 * them up, so that both have equal times to the last bit.
 *
 * @param arrivals in order of arrival; only as many as needed are taken, so that there may be no end of them.
 */
export function runGeneration(
  settings: ContinuousBatchSettings,
  arrivals: Iterable<GenerationArrival>,
  measured: MeasuredRequests,
  maxIterations: number,
): GenerationRun {
  const batch = new ContinuousBatch(settings);
  const source = new ArrivalSource(arrivals, 2 * (measured.first + measured.count) + mostFollowing);
  const requests: Mutable<GenerationOutcome>[] = [];
  let undecided = measured.count;
  let nowMillis = 0;
  let iterations = 0;
  let busyMillis = 0;
  let finished = 0;
  let waitingArea = 0;
  let runningArea = 0;
  /** Start of the window: the arrival of the first request that counts, known once that one is next. */
  let fromMillis = Number.POSITIVE_INFINITY;

  const isMeasured = (index: number): boolean =>
    index >= measured.first && index < measured.first + measured.count;
  const watchForWindow = (): void => {
    if (source.taken === measured.first) fromMillis = source.nextMillis;
  };
  const enqueueArrived = (): void => {
    for (; source.nextMillis <= nowMillis; watchForWindow()) {
      const id = requests.length;
      const { arrivalMillis, promptTokens, outputTokens } = source.take();
      const accepted = batch.enqueue({ id, promptTokens, outputTokens });
      const state = accepted ? "unfinished" : "refused";
      requests.push({ arrivalMillis, promptTokens, outputTokens, state, ...noTokens });
      if (accepted) waitingArea += timeWithin(arrivalMillis);
      else if (isMeasured(id)) undecided--;
    }
  };
  const timeWithin = (sinceMillis: number): number =>
    Math.max(0, nowMillis - Math.max(sinceMillis, fromMillis));

  watchForWindow();
  while (undecided > 0 && iterations < maxIterations) {
    enqueueArrived();
    const iteration = batch.begin();
    if (iteration === undefined) {
      if (source.nextMillis === Number.POSITIVE_INFINITY) break;
      nowMillis = source.nextMillis;
      continue;
    }
    const startMillis = nowMillis;
    const most = Math.min(iteration.alike, maxIterations - iterations);
    // A full batch lets nobody in before one of its sequences leaves, and that is when the alike iterations end.
    const joinMillis =
      batch.runningCount < settings.maxBatchSize ? source.nextMillis : Number.POSITIVE_INFINITY;
    let count = 0;
    do {
      nowMillis += iteration.durationMillis;
      count++;
    } while (count < most && nowMillis < joinMillis);
    iterations += count;
    busyMillis += nowMillis - startMillis;
    waitingArea += batch.waitingCount * timeWithin(startMillis);
    runningArea += batch.runningCount * timeWithin(startMillis);
    for (const { sequence, index, last } of batch.end(count)) {
      const request = requests[sequence];
      if (request === undefined) continue;
      if (index === 1) request.firstTokenMillis = nowMillis;
      if (!last) continue;
      request.lastTokenMillis = nowMillis;
      request.state = "finished";
      if (nowMillis >= fromMillis) finished++;
      if (isMeasured(sequence)) undecided--;
    }
  }
  const windowMillis = nowMillis - fromMillis;
  return {
    requests,
    ended: undecided === 0 ? "complete" : "iteration-limit",
    iterations,
    busyMillis,
    window: {
      fromMillis,
      toMillis: nowMillis,
      finished,
      meanWaiting: waitingArea / windowMillis,
      meanRunning: runningArea / windowMillis,
    },
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const noTokens = { firstTokenMillis: Number.NaN, lastTokenMillis: Number.NaN };
