import { engineProfiles } from "../engines/registry.ts";
import type { EngineType } from "../engines/registry.ts";

/** Longest name that a Kubernetes Service and a pod label value take. */
export const groupNameMaxLength = 63;

/**
 * Name of a replica group's Deployment and Service. It is a promise: changing the scheme would replace every engine.
 * Engines whose models share replicas have one group; others one per model and class, and per version only where
 * several versions run side by side and it is not the first of them, so that a new version of a model is a rolling update and not a second server.
 */
export function groupName(
  type: EngineType,
  engine: string,
  model: { readonly name: string; readonly serviceClass: string; readonly canaryVersion?: string },
): string {
  if (engineProfiles[type].replicasPer === "engine") return engine;
  const parts = [engine, model.name, model.serviceClass];
  if (model.canaryVersion !== undefined) parts.push(`v${model.canaryVersion}`);
  return parts.map(slug).join("-");
}

/**
 * Name of a further group of an engine whose models do not all share servers: by the first of its models in order of
 * name. The group with the first of all models keeps the engine's name.
 */
export function sharedGroupName(engine: string, firstModel: string): string {
  return `${engine}-${slug(firstModel)}`;
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
