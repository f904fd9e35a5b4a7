/**
 * Inferno's queueing model of one replica, generalised to several workloads on the same replica.
 *
 * A batch of n requests prefills in `gamma + delta·inputTokens·n` ms and then decodes `outputTokens - 1` tokens of
 * each, `alpha + beta·n` ms a token. Requests of a mix arrive in fixed shares f, so a batch takes the share-weighted
 * mean of these times; with one workload the equations are Inferno's own. Means follow llm-inferno/optimizer
 * (queue-analysis v0.1.0) in float64.
 *
 * Percentiles are approximations on top of it:
 * - Waiting: a request waits only if it finds the batch full, with probability P. In an unbounded queue its wait is
 *   then exponential with rate mu(N)·(1 - lambda/mu(N)). The mean wait of those who wait is taken from the finite
 *   queue instead (equal while hardly anyone is turned away), so that the form also holds at and above saturation,
 *   where the wait is bounded by the queue's room over mu(N).
 * - Batch: ITL and prefill are linear in the batch size, whose distribution as requests meet it weighs p(n) by n.
 * - Whole request: the percentiles of TTFT and ITL are added, as if they always came together; this errs upwards.
 * - No percentile is below its mean. The spread of prompt and output lengths is not modelled.
 */
import { certain } from "../certain.ts";
import type { LatencyPrediction, WorkloadPrediction } from "../allocation.ts";
import type { PerformanceProfile } from "../profiles/performance-profile.ts";
import { highestLoadFraction, lowestLoadFraction } from "../inferno/rate-model.ts";
import { departureRatePerMs, queueRoom, solveBatchQueue } from "./batch-queue.ts";
import type { BatchQueueState, BatchService } from "./batch-queue.ts";

/** One workload of a replica's mix. */
export interface MixMember {
  readonly workload: string;
  readonly profile: Pick<PerformanceProfile, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs">;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Share of the replica's requests that are of this workload; the shares of a mix sum to 1. */
  readonly share: number;
}

/** What a replica does at one arrival rate. */
export interface ReplicaAnalysis {
  /** Requests a ms that are served, after those turned away. */
  readonly throughputPerMs: number;
  /** Mean share of the batch slots in use, 0…1. */
  readonly utilisation: number;
  /** One for each member of the mix, in its order. */
  readonly predictions: readonly WorkloadPrediction[];
}

/** A replica that serves a mix of workloads with at most `maxBatchSize` requests in a batch. */
export interface InfernoReplica {
  readonly members: readonly MixMember[];
  readonly service: BatchService;
}

export function infernoReplica(members: readonly MixMember[], maxBatchSize: number): InfernoReplica {
  let baseMs = 0;
  let perRequestMs = 0;
  let concurrencyBaseMs = 0;
  for (const member of members) {
    const { alphaMs, betaMs, deltaMs } = member.profile;
    const decodes = decodeSteps(member);
    baseMs += member.share * (prefillBaseMs(member) + decodes * alphaMs);
    concurrencyBaseMs += member.share * (member.profile.gammaMs + decodes * alphaMs);
    perRequestMs += member.share * (deltaMs * member.inputTokens + decodes * betaMs);
  }
  return { members, service: { baseMs, perRequestMs, maxBatchSize, concurrencyBaseMs } };
}

/** Lowest arrival rate that is sized for: requests hardly ever meet. */
export function lowestArrivalsPerMs(replica: InfernoReplica): number {
  return lowestLoadFraction * departureRatePerMs(replica.service, 1);
}

/** Highest arrival rate that is sized for. */
export function highestArrivalsPerMs(replica: InfernoReplica): number {
  return highestLoadFraction * departureRatePerMs(replica.service, replica.service.maxBatchSize);
}

/** `arrivalsPerMs` must be above 0; see {@link analyzeAlone} for an idle replica. */
export function analyze(replica: InfernoReplica, arrivalsPerMs: number): ReplicaAnalysis {
  const { members, service } = replica;
  const state = solveBatchQueue(service, arrivalsPerMs);
  const batchP95 = batchQuantile(state, 0.95);
  const batchP99 = batchQuantile(state, 0.99);
  const waitP95Ms = waitQuantileMs(service, state, 0.95);
  const waitP99Ms = waitQuantileMs(service, state, 0.99);
  const predictions = members.map((member) =>
    predict(
      member,
      { waitMs: state.meanWaitMs, batch: state.concurrency },
      { waitMs: waitP95Ms, batch: batchP95 },
      { waitMs: waitP99Ms, batch: batchP99 },
    ),
  );
  return { throughputPerMs: state.throughputPerMs, utilisation: state.utilisation, predictions };
}

/** One request at a time, nobody else on the replica: the best it can do. */
export function analyzeAlone(replica: InfernoReplica): ReplicaAnalysis {
  const alone = { waitMs: 0, batch: 1 };
  const predictions = replica.members.map((member) => predict(member, alone, alone, alone));
  return { throughputPerMs: 0, utilisation: 0, predictions };
}

/** Median time to first token of each member, in ms; `arrivalsPerMs` must be above 0. */
export function medianTtftMs(replica: InfernoReplica, arrivalsPerMs: number): readonly number[] {
  const state = solveBatchQueue(replica.service, arrivalsPerMs);
  const median = {
    waitMs: waitQuantileMs(replica.service, state, 0.5),
    batch: batchQuantile(state, 0.5),
  };
  return replica.members.map((member) => predict(member, median, median, median).ttft.meanMs);
}

/** What a request meets: its wait and the size of its batch. */
interface Encounter {
  readonly waitMs: number;
  readonly batch: number;
}

function predict(member: MixMember, mean: Encounter, p95: Encounter, p99: Encounter): WorkloadPrediction {
  const { alphaMs, betaMs, deltaMs } = member.profile;
  const decodes = decodeSteps(member);
  const ttftMs = (met: Encounter) =>
    met.waitMs + prefillBaseMs(member) + deltaMs * member.inputTokens * met.batch;
  const itlMs = (met: Encounter) => alphaMs + betaMs * met.batch;
  const latencyMs = (met: Encounter) => ttftMs(met) + decodes * itlMs(met);
  return {
    workload: member.workload,
    ttft: ordered(ttftMs(mean), ttftMs(p95), ttftMs(p99)),
    itl: ordered(itlMs(mean), itlMs(p95), itlMs(p99)),
    latency: ordered(latencyMs(mean), latencyMs(p95), latencyMs(p99)),
  };
}

function ordered(meanMs: number, p95Ms: number, p99Ms: number): LatencyPrediction {
  const atLeastMeanMs = Math.max(meanMs, p95Ms);
  return { meanMs, p95Ms: atLeastMeanMs, p99Ms: Math.max(atLeastMeanMs, p99Ms) };
}

/** The first output token comes from the prefill. */
function decodeSteps(member: MixMember): number {
  return Math.max(member.outputTokens - 1, 0);
}

/** Without a prompt there is no prefill at all. */
function prefillBaseMs(member: MixMember): number {
  return member.inputTokens > 0 ? member.profile.gammaMs : 0;
}

function batchQuantile(state: BatchQueueState, quantile: number): number {
  const weights = state.batchWeights;
  let total = 0;
  for (let n = 1; n < weights.length; n++) total += n * certain(weights[n]);
  // Summed from the full batch down, because quantiles of interest lie near it.
  let above = 0;
  for (let n = weights.length - 1; n > 1; n--) {
    above += n * certain(weights[n]);
    if (above > (1 - quantile) * total) return n;
  }
  return 1;
}

function waitQuantileMs(service: BatchService, state: BatchQueueState, quantile: number): number {
  const tail = 1 - quantile;
  if (state.waitProbability <= tail) return 0;
  const meanOfWaitersMs = state.meanWaitMs / state.waitProbability;
  const longestMs = queueRoom(service) / departureRatePerMs(service, service.maxBatchSize);
  return Math.min(meanOfWaitersMs * Math.log(state.waitProbability / tail), longestMs);
}
