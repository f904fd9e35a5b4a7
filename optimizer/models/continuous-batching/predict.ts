import { certain } from "../../certain.ts";
import type {
  GenerationPrediction,
  GenerationReplica,
  GenerationTimes,
  GenerationTraffic,
} from "../generation-prediction.ts";
import { EngineRates } from "./occupancy.ts";
import { requestMix, type RequestMix } from "./request-mix.ts";
import { StateGrid } from "./state-grid.ts";
import { steadyState } from "./steady-state.ts";
import { timesOf } from "./request-times.ts";

/** A replica whose predictions at several rates share what does not depend on the rate. */
export interface PreparedGeneration {
  readonly saturationPerSecond: number;
  readonly predict: (ratePerSecond: number) => GenerationPrediction;
  readonly predictAlone: () => GenerationPrediction;
}

/** Throws a RangeError where the replica, or later a rate, is none that an engine could have. */
export function prepareGeneration(replica: GenerationReplica): PreparedGeneration {
  // Kinds of requests are taken in an order of their own, so that sums do not depend on the order in which they are given.
  const order = canonicalOrder(replica.traffic);
  const mix = requestMix({ ...replica, traffic: order.map((index) => certain(replica.traffic[index])) });
  const rates = new EngineRates(mix);
  const grid = new StateGrid(mix.slots);
  const saturationPerSecond = 1000 * rates.saturationPerMs;
  const at = (ratePerSecond: number): GenerationPrediction => {
    if (!(ratePerSecond >= 0 && ratePerSecond < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`ratePerSecond ${ratePerSecond} must be at least 0 and finite`);
    }
    const arrivalsPerMs = ratePerSecond / 1000;
    const { overall, traffic } = timesAt(rates, grid, arrivalsPerMs);
    return {
      overall,
      traffic: replica.traffic.map((_, index) => certain(traffic[order.indexOf(index)])),
      utilisation: ratePerSecond / saturationPerSecond,
      saturationPerSecond,
      throughputPerSecond: Math.min(ratePerSecond, saturationPerSecond),
    };
  };
  return { saturationPerSecond, predict: at, predictAlone: () => at(0) };
}

function canonicalOrder(traffic: readonly GenerationTraffic[]): readonly number[] {
  const keys = traffic.map(({ share, inputTokens, outputTokens, outputDistribution }) => [
    inputTokens,
    outputTokens,
    outputDistribution === "fixed" ? 0 : 1,
    share,
  ]);
  const compare = (left: number, right: number): number => {
    for (const [index, value] of certain(keys[left]).entries()) {
      const difference = value - certain(certain(keys[right])[index]);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return traffic.map((_, index) => index).toSorted(compare);
}

/** Share of the rate at which the queue grows without end. */
const nearlyFull = 0.9999;

type Times = Pick<GenerationPrediction, "overall" | "traffic">;

function timesAt(rates: EngineRates, grid: StateGrid, arrivalsPerMs: number): Times {
  const { mix, full } = rates;
  // Where nothing takes any time nothing waits either.
  if (full.perMs === Number.POSITIVE_INFINITY) return alike(mix, 0, 0);
  // The queue grows without end: only the gaps between tokens have a mean, that of the highest rate with an end.
  if (arrivalsPerMs >= full.perMs) {
    const { meanGapMs } = steadyState(rates, grid, nearlyFull * full.perMs);
    return alike(mix, Number.POSITIVE_INFINITY, meanGapMs);
  }
  return timesOf(mix, grid, steadyState(rates, grid, arrivalsPerMs));
}

function alike(mix: RequestMix, ms: number, gapMs: number): Times {
  const times = (decodes: number): GenerationTimes => {
    const ofKind = decodes > 0 ? gapMs : 0;
    return {
      ttftMs: { mean: ms, p50: ms, p95: ms, p99: ms },
      itlMs: { mean: ofKind, p95: ofKind, p99: ofKind },
      latencyMs: { mean: ms, p95: ms, p99: ms },
    };
  };
  return { overall: times(mix.meanDecodes), traffic: mix.kinds.map(({ decodes }) => times(decodes)) };
}

export function predictGeneration(replica: GenerationReplica, ratePerSecond: number): GenerationPrediction {
  return prepareGeneration(replica).predict(ratePerSecond);
}

export function predictGenerationAlone(replica: GenerationReplica): GenerationPrediction {
  return prepareGeneration(replica).predictAlone();
}

export function generationSaturationPerSecond(replica: GenerationReplica): number {
  return prepareGeneration(replica).saturationPerSecond;
}
