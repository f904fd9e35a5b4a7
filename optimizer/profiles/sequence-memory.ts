import type { Accelerator, ModelArchitecture } from "../catalog/catalog.ts";
import { activationsGiB, usableGpuGiB } from "./gpu-memory.ts";
import { kvGiBPerToken, weightsGiB } from "./roofline.ts";

/** What a replica of a generation model needs of its cards' memory. */
export interface SequenceMemory {
  readonly usableGiB: number;
  /** Weights, activations and one sequence: the least that must fit. */
  readonly neededGiB: number;
  /** Sequences whose keys and values fit beside the weights; 0 where nothing of a sequence is kept. */
  readonly sequences: number;
}

/**
 * @param cards of the whole replica: stages of a pipeline each hold the weights and the keys and values of their layers
 * @param keptTokens tokens whose keys and values a sequence holds at its end; 0 for request/response models.
 * @param tensorDegree cards that share one layer
 */
export function sequenceMemory(
  model: ModelArchitecture,
  accelerator: Accelerator,
  cards: number,
  keptTokens: number,
  tensorDegree: number = cards,
): SequenceMemory {
  const usableGiB = usableGpuGiB(accelerator.memoryGiB, cards);
  const fixedGiB = weightsGiB(model) + cards * activationsGiB;
  // Cards beyond the KV heads hold copies of them.
  const copies = Math.max(1, tensorDegree / model.kvHeadCount);
  const sequenceGiB = kvGiBPerToken(model) * keptTokens * copies;
  return {
    usableGiB,
    neededGiB: fixedGiB + sequenceGiB,
    sequences: sequenceGiB > 0 ? Math.max(0, Math.floor((usableGiB - fixedGiB) / sequenceGiB)) : 0,
  };
}
