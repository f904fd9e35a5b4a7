import type { Cluster } from "../cluster.ts";
import { ApiRefusal } from "../cluster/cluster-api.ts";
import { nameOf, type KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import type { Finding } from "./finding.ts";

/** What others refer to comes first, kind by kind; all else at once, as the engine does it. */
const early = ["Namespace", "PriorityClass", "ResourceQuota", "ServiceAccount"];

/** Applies objects with strict field validation and admission. What the API server refuses is a finding. */
export async function applyAll(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<readonly Finding[]> {
  await cluster.defineKinds(objects);
  const findings: Finding[] = [];
  for (const kind of [...early, undefined]) {
    const next = objects.filter((object) =>
      kind === undefined ? !early.includes(object.kind) : object.kind === kind,
    );
    const answers = await Promise.all(next.map((object) => refusalOf(cluster, object)));
    findings.push(...answers.filter((answer) => answer !== undefined));
  }
  return findings;
}

async function refusalOf(cluster: Cluster, object: KubernetesObject): Promise<Finding | undefined> {
  try {
    await cluster.api.apply(object);
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    return { kind: "refused", object: nameOf(object), message: error.message };
  }
}

/** Removes objects, and waits until nothing of them is left. */
export async function removeAll(cluster: Cluster, objects: readonly KubernetesObject[]): Promise<void> {
  const { api } = cluster;
  await Promise.all(objects.map((object) => api.remove(object)));
  for (const object of objects) {
    await waitFor(async () => (await api.read(object)) === undefined, {
      what: `the end of ${nameOf(object)}`,
    });
  }
}
