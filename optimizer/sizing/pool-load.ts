import {
  generationSaturationPerSecond,
  predictGeneration,
  predictGenerationAlone,
} from "../models/continuous-batching/predict.ts";
import type {
  GenerationPrediction,
  GenerationReplica,
  GenerationTraffic,
} from "../models/generation-prediction.ts";

/** One kind of replica that a pool may be made of. */
export interface PoolShape {
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  readonly parameters: GenerationReplica["parameters"];
  readonly maxBatchSize: number;
  readonly maxBatchedTokens: number;
  readonly usdPerReplicaHour: number;
}

export interface Pool {
  readonly shape: PoolShape;
  readonly replicas: number;
  readonly utilisation: number;
}

/** Share of saturation that a pool is planned for at most: beyond it times grow without bound. */
const highestUtilisation = 0.98;

/** A rate that any number of equal replicas share evenly. */
export class PoolLoad {
  readonly shape: PoolShape;
  readonly #ratePerSecond: number;
  readonly #replica: GenerationReplica;
  readonly #saturationPerSecond: number;
  readonly #predictions = new Map<number, GenerationPrediction>();

  constructor(shape: PoolShape, ratePerSecond: number, traffic: GenerationTraffic) {
    const { parameters, maxBatchSize, maxBatchedTokens } = shape;
    this.shape = shape;
    this.#ratePerSecond = ratePerSecond;
    this.#replica = { parameters, maxBatchSize, maxBatchedTokens, traffic: [traffic] };
    this.#saturationPerSecond = generationSaturationPerSecond(this.#replica);
  }

  /** Whether so many replicas keep up; none do where there is nothing to do. */
  carries(replicas: number): boolean {
    return (
      this.#ratePerSecond === 0 ||
      this.#ratePerSecond <= highestUtilisation * this.#saturationPerSecond * replicas
    );
  }

  /** Of one of so many replicas; a replica that nobody shares where they are infinitely many or there is no load. */
  prediction(replicas: number): GenerationPrediction {
    const known = this.#predictions.get(replicas);
    if (known) return known;
    const ratePerSecond = replicas > 0 ? this.#ratePerSecond / replicas : 0;
    const prediction =
      ratePerSecond > 0
        ? predictGeneration(this.#replica, ratePerSecond)
        : predictGenerationAlone(this.#replica);
    this.#predictions.set(replicas, prediction);
    return prediction;
  }

  pool(replicas: number): Pool {
    return { shape: this.shape, replicas, utilisation: this.prediction(replicas).utilisation };
  }
}
