import type { SpecPath } from "./positions.ts";

/**
 * Keys of the platform's design that nothing acts on in this version. They are told apart from misspelt keys, so that
 * a user learns "not yet" rather than "unknown". `*` stands for a list index.
 */
const plannedKeys: readonly string[] = ["gateway", "benchmark", "cluster.create", "domino.registry"];

const plannedValues: Readonly<Record<string, readonly string[]>> = {
  "nodes.provisioner": ["karpenter"],
};

/** Engines of the design without a profile yet. */
export const plannedEngineTypes: readonly string[] = ["kserve", "ray-serve", "torchserve"];

function pattern(path: SpecPath): string {
  return path.map((step) => (typeof step === "number" ? "*" : String(step))).join(".");
}

export function isPlannedKey(path: SpecPath): boolean {
  return plannedKeys.includes(pattern(path));
}

export function isPlannedValue(path: SpecPath, value: unknown): boolean {
  if (typeof value !== "string") return false;
  return plannedValues[pattern(path)]?.includes(value) ?? false;
}
