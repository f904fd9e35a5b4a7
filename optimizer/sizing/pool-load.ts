import { prepareGeneration } from "../models/continuous-batching/predict.ts";
import type { PreparedGeneration } from "../models/continuous-batching/predict.ts";
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

/** A rate that any number of equal replicas share evenly. */
export class PoolLoad {
  readonly shape: PoolShape;
  readonly #ratePerSecond: number;
  readonly #prepared: PreparedGeneration;
  readonly #predictions = new Map<number, GenerationPrediction>();

  constructor(shape: PoolShape, ratePerSecond: number, traffic: GenerationTraffic) {
    const { parameters, maxBatchSize, maxBatchedTokens } = shape;
    this.shape = shape;
    this.#ratePerSecond = ratePerSecond;
    this.#prepared = prepareGeneration({ parameters, maxBatchSize, maxBatchedTokens, traffic: [traffic] });
  }

  get saturationPerSecond(): number {
    return this.#prepared.saturationPerSecond;
  }

  /** Whether so many replicas, each used to at most that share of its saturation, keep up; any do where nothing is to do. */
  carries(replicas: number, mostUtilisation: number): boolean {
    return (
      this.#ratePerSecond === 0 ||
      this.#ratePerSecond <= mostUtilisation * this.saturationPerSecond * replicas
    );
  }

  /** Of one of so many replicas; a replica that nobody shares where they are infinitely many or there is no load. */
  prediction(replicas: number): GenerationPrediction {
    return this.predictionAt(replicas > 0 ? this.#ratePerSecond / replicas : 0);
  }

  /** Of one replica. */
  predictionAt(ratePerSecond: number): GenerationPrediction {
    const known = this.#predictions.get(ratePerSecond);
    if (known) return known;
    const prediction =
      ratePerSecond > 0 ? this.#prepared.predict(ratePerSecond) : this.#prepared.predictAlone();
    this.#predictions.set(ratePerSecond, prediction);
    return prediction;
  }

  pool(replicas: number): Pool {
    return { shape: this.shape, replicas, utilisation: this.prediction(replicas).utilisation };
  }
}
