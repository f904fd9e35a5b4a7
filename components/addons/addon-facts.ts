import type { AddonName } from "../../platform/engines/addon-name.ts";

/** A custom kind that an add-on brings and that the platform has objects of. */
export interface NeededDefinition {
  /** Name of its CustomResourceDefinition, `<plural>.<group>`. */
  readonly name: string;
  /** Version that the platform's objects are of. */
  readonly version: string;
}

/** How an add-on is recognised in a cluster. */
export interface AddonFacts {
  /** Its custom kinds; what reads them is what decides that the add-on is there. */
  readonly definitions: readonly NeededDefinition[];
  /** Where the stack installs it. Nothing else of the platform may live there. */
  readonly namespace: string;
  /** Ends of the repository of its operator's image, with `-` for whatever parts words. */
  readonly operatorImages: readonly string[];
}

export const addonFacts = {
  keda: {
    definitions: [{ name: "scaledobjects.keda.sh", version: "v1alpha1" }],
    namespace: "keda",
    operatorImages: ["keda"],
  },
  leaderWorkerSet: {
    definitions: [{ name: "leaderworkersets.leaderworkerset.x-k8s.io", version: "v1" }],
    namespace: "lws-system",
    operatorImages: ["lws"],
  },
  prometheusOperator: {
    definitions: [{ name: "podmonitors.monitoring.coreos.com", version: "v1" }],
    namespace: "monitoring",
    operatorImages: ["prometheus-operator"],
  },
  dynamoPlatform: {
    definitions: [
      { name: "dynamographdeployments.nvidia.com", version: "v1beta1" },
      { name: "dynamographdeploymentscalingadapters.nvidia.com", version: "v1alpha1" },
    ],
    namespace: "dynamo-system",
    // Many an operator is called kubernetes-operator.
    operatorImages: ["ai-dynamo-kubernetes-operator", "dynamo-operator"],
  },
} as const satisfies Readonly<Record<AddonName, AddonFacts>>;

/**
 * Whether a container of this image is an add-on's operator, whatever its registry, tag and digest. Mirrors put their own
 * names before it, and write `/` as they like: `mirror/ghcr.io_kedacore_keda` is KEDA.
 */
export function isOperatorImage({ operatorImages }: AddonFacts, image: string): boolean {
  const repository = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const words = `-${repository.toLowerCase().replace(/[/._]/g, "-")}`;
  return operatorImages.some((end) => words.endsWith(`-${end}`));
}
