import type { LatencyPrediction, WorkloadPrediction } from "../allocation.ts";
import type { GenerationPrediction, GenerationTraffic } from "../models/generation-prediction.ts";
import type { Slo } from "../workload.ts";
import { fewest } from "./fewest.ts";
import {
  limitedWaitingFraction,
  plannedMs,
  plannedShareOfRate,
  unlimitedWaitingFraction,
} from "./margins.ts";
import { PoolLoad } from "./pool-load.ts";
import type { PoolShape } from "./pool-load.ts";
import { brokenTargets, reachedMs, sloTargetsOf } from "./slo-targets.ts";
import type { SloTarget } from "./slo-targets.ts";

export interface DisaggregatedDemand {
  /** At least 0. */
  readonly requestsPerSecond: number;
  readonly traffic: Omit<GenerationTraffic, "share">;
  readonly slo: Slo;
  /** Until the keys and values of a prompt are where they are needed; counted in the time to first token. */
  readonly transferMs: number;
  /** Replicas that each pool has at least. @default 0 */
  readonly leastReplicas?: number;
  /** Whether what predictions are off by is left free, as in sizes that are to be built. @default false */
  readonly hasMargins?: boolean;
}

/** What a request meets in one of the two pools, of what its targets limit: times of both pools add up. */
export type PoolTimes = Omit<WorkloadPrediction, "workload">;

const noTime: LatencyPrediction = { meanMs: 0, p95Ms: 0, p99Ms: 0 };

/** Replicas of one shape with their half of the work; a count of infinity stands for replicas that nobody shares. */
export class PoolSide {
  readonly load: PoolLoad;
  /** Requests that come to this pool for each request of the demand. */
  readonly share: number;
  /** The targets on times that only this pool decides. */
  readonly targets: readonly SloTarget[];
  readonly #demand: DisaggregatedDemand;
  readonly #timesOf: (prediction: GenerationPrediction) => PoolTimes;
  readonly #mostUtilisation: number;
  readonly #planned: readonly SloTarget[];
  #fewest: { readonly count: number | undefined } | undefined;

  private constructor(
    demand: DisaggregatedDemand,
    load: PoolLoad,
    share: number,
    time: "ttft" | "itl",
    timesOf: (prediction: GenerationPrediction) => PoolTimes,
  ) {
    this.load = load;
    this.share = share;
    this.#demand = demand;
    this.#timesOf = timesOf;
    const targets = sloTargetsOf([{ id: "", slo: demand.slo }]);
    this.targets = targets.filter(({ name }) => name.startsWith(time));
    // Waiting for a place is lost among the many gaps that a target on their mean is held against.
    const limitsWaiting = targets.some(
      ({ name }) => name.startsWith("latency") || (time === "ttft" && name.startsWith(time)),
    );
    this.#mostUtilisation =
      limitsWaiting || !demand.hasMargins ? limitedWaitingFraction : unlimitedWaitingFraction;
    this.#planned = demand.hasMargins
      ? this.planned(this.targets, this.times(Number.POSITIVE_INFINITY))
      : this.targets;
  }

  /** Replicas that read prompts: they serve requests of one output token. */
  static prefill(demand: DisaggregatedDemand, shape: PoolShape): PoolSide {
    const { requestsPerSecond, traffic, transferMs } = demand;
    const reading = { ...traffic, share: 1, outputTokens: 1, outputDistribution: "fixed" } as const;
    const load = new PoolLoad(shape, requestsPerSecond, reading);
    return new PoolSide(demand, load, 1, "ttft", ({ overall: { ttftMs } }) => {
      const ttft = {
        meanMs: ttftMs.mean + transferMs,
        p95Ms: ttftMs.p95 + transferMs,
        p99Ms: ttftMs.p99 + transferMs,
      };
      return { ttft, itl: noTime, latency: ttft };
    });
  }

  /** Replicas that generate what follows the first token. */
  static decode(demand: DisaggregatedDemand, shape: PoolShape): PoolSide {
    const { requestsPerSecond, traffic } = demand;
    const { share, tokens } = decodedPart(traffic);
    const readingNothing = { ...shape.parameters, gammaMs: 0, deltaMs: 0 };
    const load = new PoolLoad({ ...shape, parameters: readingNothing }, requestsPerSecond * share, {
      share: 1,
      inputTokens: 1,
      outputTokens: tokens + 1,
      outputDistribution: traffic.outputDistribution,
    });
    return new PoolSide(demand, load, share, "itl", ({ overall: { ttftMs, itlMs, latencyMs } }) => {
      if (share === 0) return { ttft: noTime, itl: noTime, latency: noTime };
      // The first gap holds the wait for a slot; it counts as one of as many gaps as there are tokens left.
      const gap = (ms: number) => ttftMs.mean / tokens + ms;
      return {
        ttft: noTime,
        itl: { meanMs: gap(itlMs.mean), p95Ms: gap(itlMs.p95), p99Ms: gap(itlMs.p99) },
        latency: { meanMs: share * latencyMs.mean, p95Ms: latencyMs.p95, p99Ms: latencyMs.p99 },
      };
    });
  }

  times(count: number): PoolTimes {
    return this.#timesOf(this.load.prediction(count));
  }

  /** Of one replica, at a rate of the demand's requests. */
  timesAt(requestsPerSecond: number): PoolTimes {
    return this.#timesOf(this.load.predictionAt(requestsPerSecond * this.share));
  }

  /** Times that targets are held against: with the margin for the rate, where there are margins. */
  plannedTimes(count: number): PoolTimes {
    return this.times(this.#demand.hasMargins ? count * plannedShareOfRate : count);
  }

  /** Targets as they are held against times: tightened where there are margins. */
  planned(targets: readonly SloTarget[], alone: PoolTimes): readonly SloTarget[] {
    if (!this.#demand.hasMargins) return targets;
    const predictions = [{ workload: "", ...alone }];
    return targets.map((target) => ({
      ...target,
      allowedMs: plannedMs(target, reachedMs(target, predictions)),
    }));
  }

  carries(count: number): boolean {
    return this.load.carries(count, this.#mostUtilisation);
  }

  holds(count: number): boolean {
    if (!this.carries(count)) return false;
    const times = { workload: "", ...this.plannedTimes(count) };
    return brokenTargets(this.#planned, [times]).length === 0;
  }

  /** The least count at which the pool keeps up and holds its own targets; undefined where no count does. */
  get fewest(): number | undefined {
    this.#fewest ??= { count: fewest((count) => this.holds(count), this.leastReplicas) };
    return this.#fewest.count;
  }

  get leastReplicas(): number {
    return this.#demand.leastReplicas ?? 0;
  }
}

/** Share of the requests that go on after their first token, and the tokens that those still need on average. */
function decodedPart({ outputTokens, outputDistribution }: DisaggregatedDemand["traffic"]): {
  readonly share: number;
  readonly tokens: number;
} {
  if (outputTokens <= 1) return { share: 0, tokens: 0 };
  return outputDistribution === "geometric"
    ? { share: 1 - 1 / outputTokens, tokens: outputTokens }
    : { share: 1, tokens: outputTokens - 1 };
}
