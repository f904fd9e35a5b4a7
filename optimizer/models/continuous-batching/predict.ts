import type { GenerationPrediction, GenerationReplica, GenerationTimes } from "../generation-prediction.ts";
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

export function prepareGeneration(replica: GenerationReplica): PreparedGeneration {
  const mix = requestMix(replica);
  const rates = new EngineRates(mix);
  const grid = new StateGrid(mix.slots);
  const saturationPerSecond = 1000 * rates.saturationPerMs;
  const at = (ratePerSecond: number): GenerationPrediction => {
    if (!(ratePerSecond >= 0 && ratePerSecond < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`ratePerSecond ${ratePerSecond} must be at least 0 and finite`);
    }
    const arrivalsPerMs = ratePerSecond / 1000;
    const times = timesAt(rates, grid, arrivalsPerMs);
    return {
      ...times,
      utilisation: ratePerSecond / saturationPerSecond,
      saturationPerSecond,
      throughputPerSecond: Math.min(ratePerSecond, saturationPerSecond),
    };
  };
  return { saturationPerSecond, predict: at, predictAlone: () => at(0) };
}

type Times = Pick<GenerationPrediction, "overall" | "traffic">;

function timesAt(rates: EngineRates, grid: StateGrid, arrivalsPerMs: number): Times {
  const { mix, full } = rates;
  // Where nothing takes any time nothing waits either.
  if (full.perMs === Number.POSITIVE_INFINITY) return alike(mix, 0, 0);
  // The queue grows without end: only the gaps between tokens have a mean, that with all slots taken.
  if (arrivalsPerMs >= full.perMs) return alike(mix, Number.POSITIVE_INFINITY, full.iterationMs);
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
