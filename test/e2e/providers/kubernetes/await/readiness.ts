import type { ClusterObjects } from "../cluster-objects.ts";
import { fieldOf, listOf, numberOf, type Manifest } from "../manifest.ts";

/** Why an object does not work yet; empty where it does. */
export type Reasons = readonly string[];

/** Judges an object by its status, and by others that belong to it. */
export type ReadinessRule = (object: Manifest, cluster: ClusterObjects) => Promise<Reasons>;

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export function conditionOf(object: Manifest, type: string): Condition | undefined {
  const conditions = listOf(object, "status", "conditions") as readonly Condition[];
  return conditions.find((condition) => condition.type === type);
}

/** The controller has not yet seen the last change: what the status says is of the time before. */
export function isStale(object: Manifest): boolean {
  return (numberOf(object, "status", "observedGeneration") ?? 0) < (object.metadata.generation ?? 0);
}

export function labelSelectorOf(object: Manifest, ...path: readonly string[]): string {
  const labels = (fieldOf(object, ...path) ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function describe(condition: Condition): string {
  return [condition.reason, condition.message].filter(Boolean).join(": ");
}
