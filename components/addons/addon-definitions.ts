/** A custom kind that an add-on brings and that the platform has objects of. */
export interface NeededDefinition {
  /** Name of its CustomResourceDefinition, `<plural>.<group>`. */
  readonly name: string;
  /** Version that the platform's objects are of. */
  readonly version: string;
}

/** The custom kinds of every add-on; what reads them is what decides that the add-on is there. */
export const addonDefinitions = {
  keda: [{ name: "scaledobjects.keda.sh", version: "v1alpha1" }],
  leaderWorkerSet: [{ name: "leaderworkersets.leaderworkerset.x-k8s.io", version: "v1" }],
  prometheusOperator: [{ name: "podmonitors.monitoring.coreos.com", version: "v1" }],
  dynamoPlatform: [
    { name: "dynamographdeployments.nvidia.com", version: "v1beta1" },
    { name: "dynamographdeploymentscalingadapters.nvidia.com", version: "v1alpha1" },
  ],
} as const satisfies Readonly<Record<string, readonly NeededDefinition[]>>;
