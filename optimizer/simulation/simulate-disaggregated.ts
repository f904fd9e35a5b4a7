/** The simulation of two pools, one that reads prompts and one that generates: the reference for their joint sizing. */
import { certain } from "../certain.ts";
import { measuredRequests, poissonTimes, sampleTokens } from "./arrivals.ts";
import type { ContinuousBatchSettings } from "./continuous-batching.ts";
import { runGeneration } from "./generation-run.ts";
import { timeStatistics, type TimeStatistics } from "./sample-statistics.ts";
import type { GenerationLoad } from "./simulate.ts";

export interface PoolSettings {
  readonly engine: ContinuousBatchSettings;
  /** At least 1. */
  readonly replicas: number;
}

export interface DisaggregatedSimulationOptions {
  readonly prefill: PoolSettings;
  /** Gamma and delta of its engine do not matter: it reads nothing. */
  readonly decode: PoolSettings;
  readonly load: GenerationLoad;
  /** Between the end of the prefill, when the first token is made, and the arrival in the second pool. */
  readonly transferMs: number;
}

export interface DisaggregatedSummary {
  /** From arrival to the first token at the second pool, the transfer included. */
  readonly ttftMillis: TimeStatistics;
  /** Over all gaps after the first token; not a number where every request has one token. */
  readonly itlMeanMillis: number;
  readonly latencyMillis: TimeStatistics;
}

interface Request {
  readonly arrivalMillis: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Deterministic for equal random numbers. Each request goes to a replica drawn at random, in both pools. */
export function simulateDisaggregated(options: DisaggregatedSimulationOptions): DisaggregatedSummary {
  const { load, transferMs } = options;
  const { first, count } = measuredRequests(load);
  const times = poissonTimes(load.random, load.ratePerSecond);
  const requests = Array.from({ length: first + count }, (): Request => ({
    arrivalMillis: times.next().value,
    promptTokens: sampleTokens(load.promptTokens, load.random),
    outputTokens: sampleTokens(load.outputTokens, load.random),
  }));
  const firstTokens = endTimes(
    requests.map((request) => ({ ...request, outputTokens: 1 })),
    options.prefill,
    load,
  ).map((millis) => millis + transferMs);

  const { gammaMs: _gamma, deltaMs: _delta, ...decoding } = options.decode.engine.parameters;
  const goOn = [...requests.keys()]
    .filter((index) => certain(requests[index]).outputTokens > 1)
    .toSorted((a, b) => certain(firstTokens[a]) - certain(firstTokens[b]));
  const lastTokens = [...firstTokens];
  const ends = endTimes(
    goOn.map((index) => ({
      arrivalMillis: certain(firstTokens[index]),
      promptTokens: 1,
      // One is what joining takes, at no cost; the rest are still to be generated.
      outputTokens: certain(requests[index]).outputTokens,
    })),
    {
      ...options.decode,
      engine: { ...options.decode.engine, parameters: { ...decoding, gammaMs: 0, deltaMs: 0 } },
    },
    load,
  );
  for (const [position, index] of goOn.entries()) lastTokens[index] = certain(ends[position]);
  return summarise(requests.slice(first), firstTokens.slice(first), lastTokens.slice(first));
}

/** When the last token of each request is made by a pool; requests in order of arrival. */
function endTimes(
  requests: readonly Request[],
  { engine, replicas }: PoolSettings,
  { random }: GenerationLoad,
): readonly number[] {
  const routed = requests.map(() => Math.floor(random() * replicas));
  const ends = requests.map(() => Number.NaN);
  for (let replica = 0; replica < replicas; replica++) {
    const own = [...requests.keys()].filter((index) => routed[index] === replica);
    if (own.length === 0) continue;
    const run = runGeneration(
      { ...engine, maxWaiting: Number.POSITIVE_INFINITY },
      own.map((index) => certain(requests[index])),
      { first: 0, count: own.length },
      Number.POSITIVE_INFINITY,
    );
    for (const [position, index] of own.entries())
      ends[index] = certain(run.requests[position]).lastTokenMillis;
  }
  return ends;
}

function summarise(
  requests: readonly Request[],
  firstTokens: readonly number[],
  lastTokens: readonly number[],
): DisaggregatedSummary {
  const since = (ends: readonly number[]) =>
    requests.map(({ arrivalMillis }, index) => certain(ends[index]) - arrivalMillis);
  const gaps = requests.reduce((sum, { outputTokens }) => sum + outputTokens - 1, 0);
  const gapMillis = requests.reduce(
    (sum, _, index) => sum + certain(lastTokens[index]) - certain(firstTokens[index]),
    0,
  );
  return {
    ttftMillis: timeStatistics(since(firstTokens)),
    itlMeanMillis: gapMillis / gaps,
    latencyMillis: timeStatistics(since(lastTokens)),
  };
}
