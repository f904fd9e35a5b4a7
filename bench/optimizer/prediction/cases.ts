import type {
  GenerationReplica,
  GenerationTraffic,
} from "../../../optimizer/models/generation-prediction.ts";
import { seededRandom, type Random } from "../../../optimizer/simulation/random.ts";

/** A replica and how much of what it can serve is asked of it. */
export interface PredictionCase {
  readonly id: string;
  readonly stratum: string;
  readonly replica: GenerationReplica;
  /** Share of the simulated saturation rate. */
  readonly utilisation: number;
}

/** Draws from a range: evenly, or evenly in the logarithm. */
interface Draw {
  readonly even: (low: number, high: number) => number;
  readonly log: (low: number, high: number) => number;
  readonly whole: (low: number, high: number) => number;
}

/** What a stratum changes in the widest ranges. */
type Stratum = (draw: Draw) => {
  readonly replica?: Partial<Omit<GenerationReplica, "traffic">>;
  readonly traffic?: Partial<GenerationTraffic>;
  readonly kinds?: number;
  readonly utilisation?: number;
};

const strata: Readonly<Record<string, Stratum>> = {
  /** Anything within the widest ranges. */
  wide: () => ({}),
  /** As most replicas of language models are. */
  usual: (draw) => ({
    replica: {
      parameters: {
        alphaMs: draw.log(4, 30),
        betaMs: draw.log(0.02, 0.5),
        gammaMs: draw.even(0, 30),
        deltaMs: draw.log(0.01, 0.1),
      },
      maxBatchSize: draw.whole(16, 256),
      maxBatchedTokens: draw.whole(2_048, 8_192),
    },
    traffic: { inputTokens: draw.whole(64, 4_096), outputTokens: draw.whole(32, 1_024) },
  }),
  /** Prompts that no iteration takes whole. */
  chunked: (draw) => {
    const maxBatchedTokens = draw.whole(2_048, 8_192);
    return {
      replica: { maxBatchedTokens },
      traffic: { inputTokens: draw.whole(Math.max(8_000, 1.05 * maxBatchedTokens), 32_000) },
    };
  },
  /** Requests wait for slots. */
  slots: (draw) => ({
    replica: { maxBatchSize: draw.whole(20, 70), maxBatchedTokens: draw.whole(2_048, 16_384) },
    traffic: { inputTokens: draw.whole(16, 2_048), outputTokens: draw.whole(64, 1_000) },
    utilisation: draw.even(0.6, 0.85),
  }),
  /** Few output tokens: the batch turns over within some iterations. */
  short: (draw) => ({ traffic: { outputTokens: draw.whole(1, 12) } }),
  /** Few slots. */
  narrow: (draw) => ({ replica: { maxBatchSize: draw.whole(1, 8) } }),
  /** Two or three kinds of traffic. */
  mixed: (draw) => ({ kinds: draw.even(0, 1) < 0.5 ? 2 : 3 }),
};

export const stratumNames: readonly string[] = Object.keys(strata);

/** The case of a stratum with this number; equal seeds give equal cases. */
export function randomCase(stratum: string, seed: number, index: number): PredictionCase {
  const random = seededRandom(seed, `${stratum} ${index}`);
  const draw = drawFrom(random);
  const change = strata[stratum]?.(draw) ?? {};
  const kinds = change.kinds ?? 1;
  const weights = Array.from({ length: kinds }, () => draw.even(0.2, 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    id: `${stratum}-${seed}-${index}`,
    stratum,
    utilisation: change.utilisation ?? draw.even(0.05, 0.85),
    replica: {
      parameters: {
        alphaMs: draw.log(2, 60),
        betaMs: draw.log(0.01, 1.5),
        gammaMs: draw.even(0, 60),
        deltaMs: draw.log(0.005, 0.3),
      },
      maxBatchSize: draw.whole(1, 512),
      maxBatchedTokens: draw.whole(512, 16_384),
      ...change.replica,
      traffic: weights.map((weight) => ({
        share: weight / total,
        inputTokens: draw.whole(16, 32_000),
        outputTokens: draw.whole(1, 2_000),
        outputDistribution: draw.even(0, 1) < 0.5 ? "geometric" : "fixed",
        ...change.traffic,
      })),
    },
  };
}

function drawFrom(random: Random): Draw {
  const even = (low: number, high: number): number => low + (high - low) * random();
  const log = (low: number, high: number): number => low * (high / low) ** random();
  return { even, log, whole: (low, high) => Math.round(log(low, high)) };
}
