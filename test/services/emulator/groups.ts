import type { GroupModel } from "../../../platform/plan/platform-plan.ts";
import type { EmulatedGroup } from "../../../services/emulator/emulator.ts";

const origin = { kind: "given", source: "test", uncertaintyFraction: 0 } as const;

/** A request/response model whose batches take 1 + 0.1·batch ms. */
export function requestModel(name: string, ...versions: readonly string[]): GroupModel {
  return {
    name,
    versions: versions.map((version) => ({ version, weight: 100 / versions.length })),
    parameters: { alphaMs: 0, betaMs: 0, gammaMs: 1, deltaMs: 0.1 },
    task: "request-response",
    maxSequenceTokens: 512,
    options: {},
    origin,
  };
}

/** A generation model whose iterations take about a millisecond. */
export function chatModel(changes: Partial<GroupModel> = {}): GroupModel {
  return {
    name: "llama-3-8b",
    versions: [{ version: "7", weight: 100 }],
    parameters: { alphaMs: 0.5, betaMs: 0.01, gammaMs: 0.5, deltaMs: 0.001 },
    task: "generation",
    maxSequenceTokens: 1_000,
    options: {},
    origin,
    ...changes,
  };
}

/** A model version that answers no request within a test. */
export const endless = { alphaMs: 3_600_000, betaMs: 0, gammaMs: 3_600_000, deltaMs: 0 };

export function tabularGroup(changes: Partial<EmulatedGroup> = {}): EmulatedGroup {
  return {
    name: "tabular",
    models: [requestModel("bert-base", "3", "10"), requestModel("resnet-50", "1")],
    replicas: 1,
    maxBatchSize: 8,
    weightsGiB: 0.02,
    ...changes,
  };
}

export function chatGroup(changes: Partial<EmulatedGroup> = {}): EmulatedGroup {
  return { name: "chat", models: [chatModel()], replicas: 1, maxBatchSize: 4, weightsGiB: 16, ...changes };
}
