/** What a cluster may need besides Kubernetes itself; keys of `addons` in a spec. */
export type AddonName = "keda" | "leaderWorkerSet" | "prometheusOperator" | "dynamoPlatform";
