/** Node label with the platform that the node group belongs to: a plan packs its replicas onto its own nodes. */
export const platformLabel = "domino-inference/platform";

/** Node label that engines choose their accelerator by: a plan names accelerators, not node groups. */
export const acceleratorLabel = "domino-inference/accelerator";

/** Taint of every GPU node, the same as on Domino's own, so that only pods that ask for a GPU are placed there. */
export const gpuTaint = { key: "nvidia.com/gpu", value: "true" } as const;
