import type { ClusterApi } from "./cluster-api.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";

/**
 * Asks once that a pod leaves its node, as a drain does.
 *
 * @throws ApiRefusal with status 429 while a disruption budget forbids it
 */
export async function evict(api: ClusterApi, pod: KubernetesObject): Promise<void> {
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: pod.metadata };
  await api.call("POST", `${await api.pathOf(pod)}/eviction`, { body });
}
