import { textOf } from "../manifest.ts";
import type { ReadinessRule } from "./readiness.ts";

export const volumeReadiness: ReadinessRule = async (volume) => {
  const phase = textOf(volume, "status", "phase");
  return phase === "Available" || phase === "Bound" ? [] : [`the volume is ${phase ?? "new"}`];
};

export const claimReadiness: ReadinessRule = async (claim, cluster) => {
  const phase = textOf(claim, "status", "phase");
  if (phase === "Bound") return [];
  const className = textOf(claim, "spec", "storageClassName");
  if (className !== undefined && className !== "") {
    const kind = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass" };
    const storageClass = await cluster.read({ ...kind, name: className });
    // Bound when a pod mounts it, which may be made later in the same update.
    if (textOf(storageClass, "volumeBindingMode") === "WaitForFirstConsumer") return [];
  }
  return [`the claim is ${phase ?? "new"}`];
};
