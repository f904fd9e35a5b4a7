import type { PartialDevice } from "../../optimizer/catalog/catalog.ts";

/** Node label with the platform that the node group belongs to: a plan packs its replicas onto its own nodes. */
export const platformLabel = "domino-inference/platform";

/** Domino's own label for the pool of a node; here the node group that a plan packed replicas onto. */
export const nodePoolLabel = "dominodatalab.com/node-pool";

/** Node label with the accelerator. */
export const acceleratorLabel = "domino-inference/accelerator";

/** Label by which NVIDIA's MIG manager cuts the cards of a node. */
export const migConfigLabel = "nvidia.com/mig.config";

/** Taint of the platform's nodes without GPUs, which keeps other pods off the CPU that the plan packed. */
export const cpuNodeTaint = { key: "domino-inference/engines", value: "true" } as const;

/** Taint of every GPU node, the same as on Domino's own, so that only pods that ask for a GPU are placed there. */
export const gpuTaint = { key: "nvidia.com/gpu", value: "true" } as const;

/** Taint of the nodes that carry an accelerator; nodes with slices of cards are GPU nodes. */
export function nodeTaint(device: PartialDevice | undefined): {
  readonly key: string;
  readonly value: string;
} {
  return device?.kind === "cpu" ? cpuNodeTaint : gpuTaint;
}
