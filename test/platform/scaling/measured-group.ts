import type { MeasuredGroup } from "../../../platform/scaling/signal-queries.ts";

const parameters = { alphaMs: 1, betaMs: 1, gammaMs: 1, deltaMs: 1 };

/** A model as groups list it, with equal weights on its versions. */
export function groupModel(name: string, ...versions: readonly string[]): MeasuredGroup["models"][number] {
  return {
    name,
    versions: versions.map((version) => ({ version, weight: 100 / versions.length })),
    parameters,
    task: "generation",
    maxSequenceTokens: 4096,
    options: {},
    origin: { kind: "given", source: "test", uncertaintyFraction: 0 },
  };
}

/** A group of one chat model. */
export const chatGroup: MeasuredGroup = {
  name: "chat-llama-free",
  namespace: "llm",
  engine: "chat",
  models: [groupModel("llama-3-70b", "1")],
  serviceClasses: ["Free"],
};
