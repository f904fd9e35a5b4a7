import type { GenerationPrediction, GenerationReplica, GenerationTimes } from "../generation-prediction.ts";
import { EngineRates } from "./occupancy.ts";
import { requestMix } from "./request-mix.ts";
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
    const times =
      arrivalsPerMs < rates.full.perMs
        ? timesOf(mix, grid, steadyState(rates, grid, arrivalsPerMs))
        : timesWithoutEnd(rates);
    return {
      ...times,
      utilisation: ratePerSecond / saturationPerSecond,
      saturationPerSecond,
      throughputPerSecond: Math.min(ratePerSecond, saturationPerSecond),
    };
  };
  return { saturationPerSecond, predict: at, predictAlone: () => at(0) };
}

/** The queue grows without end: only the gaps between tokens, with all slots taken, have a mean. */
function timesWithoutEnd({ mix, full }: EngineRates): Pick<GenerationPrediction, "overall" | "traffic"> {
  const never = Number.POSITIVE_INFINITY;
  const gapMs = mix.meanDecodes > 0 ? full.iterationMs : 0;
  const times = (decodes: number): GenerationTimes => {
    const ofKind = decodes > 0 ? gapMs : 0;
    return {
      ttftMs: { mean: never, p50: never, p95: never, p99: never },
      itlMs: { mean: ofKind, p95: ofKind, p99: ofKind },
      latencyMs: { mean: never, p95: never, p99: never },
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
