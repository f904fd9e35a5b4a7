/** Node label with the platform that the node group belongs to: a plan packs its replicas onto its own nodes. */
export const platformLabel = "domino-inference/platform";

/** Domino's own label for the pool of a node; here the node group that a plan packed replicas onto. */
export const nodePoolLabel = "dominodatalab.com/node-pool";

/** Node label with the accelerator. */
export const acceleratorLabel = "domino-inference/accelerator";

/** Taint of every GPU node, the same as on Domino's own, so that only pods that ask for a GPU are placed there. */
export const gpuTaint = { key: "nvidia.com/gpu", value: "true" } as const;
