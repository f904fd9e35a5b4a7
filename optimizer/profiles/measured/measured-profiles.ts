import type { Accelerator, ModelArchitecture } from "../../catalog/catalog.ts";
import { keptTokens } from "../context-fit.ts";
import type { EstimateOptions } from "../estimate.ts";
import type { PerformanceProfile } from "../performance-profile.ts";
import { weightsGiB } from "../roofline.ts";
import { sequenceMemory } from "../sequence-memory.ts";
import type { MeasuredSet } from "./measured-set.ts";
import { nimLlama3 } from "./nim-llama-3.ts";

/** Every configuration with published measurements that is shipped. */
export const measuredSets: readonly MeasuredSet[] = nimLlama3;

/** A measured profile, and the engine that it was measured on. */
export interface MeasuredProfile {
  readonly profile: PerformanceProfile;
  readonly engine: string;
}

/**
 * Shipped measurements of the model on the accelerators, for sequences of the given lengths. None where nobody measured
 * the model in this precision, sequences beyond the measured lengths, or where memory does not hold one sequence.
 */
export function measuredProfiles(
  architecture: ModelArchitecture,
  accelerators: readonly Accelerator[],
  options: EstimateOptions,
): MeasuredProfile[] {
  const kept = keptTokens(options);
  return measuredSets
    .filter(
      (set) =>
        set.models.includes(architecture.name) &&
        set.bytesPerWeight === architecture.bytesPerWeight &&
        kept >= set.keptTokens.least &&
        kept <= set.keptTokens.most,
    )
    .flatMap((set): MeasuredProfile[] => {
      const accelerator = accelerators.find(({ name }) => name === set.accelerator);
      if (!accelerator) return [];
      const { sequences } = sequenceMemory(
        architecture,
        accelerator,
        set.gpusPerReplica,
        options.inputTokens + options.outputTokens,
      );
      if (sequences < 1) return [];
      const { alphaMs, betaMs, betaMsPerToken, gammaMs, deltaMs } = set.parameters;
      return [
        {
          engine: set.engine,
          profile: {
            model: architecture.name,
            accelerator: accelerator.name,
            gpusPerReplica: set.gpusPerReplica,
            maxBatchSize: Math.min(sequences, set.maxBatchSize),
            alphaMs,
            betaMs: betaMs + betaMsPerToken * kept,
            gammaMs,
            deltaMs,
            weightsGiB: weightsGiB(architecture),
            origin: {
              kind: "measured",
              source: set.source,
              uncertaintyFraction: set.uncertaintyFraction,
            },
          },
        },
      ];
    });
}
