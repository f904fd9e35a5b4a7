import type { MeasuredSet } from "./measured-set.ts";

const llama8b = ["llama-3-8b", "llama-3.1-8b"] as const;
const llama70b = ["llama-3-70b", "llama-3.1-70b"] as const;

type Row = readonly [
  models: readonly string[],
  accelerator: string,
  gpusPerReplica: number,
  alphaMs: number,
  betaMs: number,
  betaMsPerToken: number,
  gammaMs: number,
  deltaMs: number,
  uncertaintyFraction: number,
];

/**
 * Fitted by `fitOverContext` to the published means of runs with 1 to 100 requests in flight, prompts of 200, 2,000
 * and 7,000 tokens and answers of 200, 1,000 and 2,000 tokens; a test repeats the fit.
 */
const rows: readonly Row[] = [
  [llama8b, "A100-80G", 1, 12.032, 0.040624, 0.00014375, 11.287, 0.071275, 0.13],
  [llama8b, "A100-80G", 2, 8.1799, 0.049774, 0.000075072, 13.699, 0.040185, 0.13],
  [llama8b, "H100-80G", 1, 7.6132, 0.023546, 0.000074672, 8.3449, 0.023935, 0.19],
  [llama8b, "H100-80G", 2, 5.7562, 0.018197, 0.000040303, 8.7991, 0.015644, 0.13],
  [llama70b, "A100-80G", 4, 31.062, 0.14896, 0.000044304, 32.198, 0.18714, 0.13],
  [llama70b, "A100-80G", 8, 24.169, 0.095898, 0.000043465, 27.837, 0.11848, 0.14],
  [llama70b, "H100-80G", 4, 20.101, 0.026312, 0.000042672, 21.003, 0.072409, 0.17],
  [llama70b, "H100-80G", 8, 15.258, 0.060843, 0.000021339, 20.59, 0.045343, 0.16],
];

const machines: Readonly<Record<string, string>> = { "A100-80G": "DGX A100", "H100-80G": "DGX H100" };

/** NVIDIA's measurements of Llama 3 in 16 bit, of mid-2024. */
export const nimLlama3: readonly MeasuredSet[] = rows.map(
  ([
    models,
    accelerator,
    gpusPerReplica,
    alphaMs,
    betaMs,
    betaMsPerToken,
    gammaMs,
    deltaMs,
    uncertaintyFraction,
  ]) => ({
    models,
    bytesPerWeight: 2,
    accelerator,
    gpusPerReplica,
    parameters: { alphaMs, betaMs, betaMsPerToken, gammaMs, deltaMs },
    maxBatchSize: 100,
    keptTokens: { least: 300, most: 7500 },
    uncertaintyFraction,
    engine: "tensorrt-llm",
    source:
      `NVIDIA Deep Learning Institute, "Sizing LLM Inference Systems", dataset/nim.csv (2024): NIM with TensorRT-LLM on a ` +
      `${machines[accelerator] ?? accelerator}, 16 bit, GenAI-Perf at fixed concurrency; fitted over sequence lengths`,
  }),
);
