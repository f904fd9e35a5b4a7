import { nodePoolLabel } from "../cluster/node-labels.ts";

/** Domino's own nodes for services, which are always there; add-ons have no business on GPUs. */
export const platformNodeSelector = { [nodePoolLabel]: "platform" } as const;

/** The same for charts that take an affinity only. */
export const platformNodeAffinity = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: nodePoolLabel, operator: "In", values: ["platform"] }] },
      ],
    },
  },
} as const;
