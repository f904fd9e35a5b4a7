import type { Cluster } from "../cluster.ts";
import { evict } from "../cluster/eviction.ts";
import { ApiRefusal } from "../cluster/cluster-api.ts";
import { nameOf, type KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import type { Finding } from "./finding.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Longest wait for what must come; what the controllers say cannot come ends it at once. */
const waitMillis = 60_000;

/** Waits until every Deployment among the objects runs with all its replicas; those that do not are findings. */
export async function unavailable(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  timeoutMillis = waitMillis,
): Promise<readonly Finding[]> {
  const answers = await Promise.all(
    deploymentsOf(objects).map(async (object): Promise<Finding | undefined> => {
      const message = await blockedRollout(cluster, object, timeoutMillis);
      return message === undefined ? undefined : { kind: "not-available", object: nameOf(object), message };
    }),
  );
  return answers.filter((answer) => answer !== undefined);
}

/** Replaces all pods of every Deployment as a new image would, one Deployment after the other. */
export async function rollOut(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const object of deploymentsOf(objects)) {
    const annotations = { "test-bed/rollout": "second" };
    await cluster.api.merge(object, { spec: { template: { metadata: { annotations } } } });
    const blocked = await blockedRollout(cluster, object, waitMillis);
    if (blocked !== undefined) {
      findings.push({ kind: "rollout-blocked", object: nameOf(object), message: blocked });
    }
  }
  return [...findings, ...(await complaints(cluster))];
}

/** Empties nodes by the eviction API, which honours disruption budgets, as an upgrade of the nodes does. */
export async function drain(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  nodes: readonly string[],
  timeoutMillis = waitMillis,
): Promise<readonly Finding[]> {
  const { api } = cluster;
  const findings: Finding[] = [];
  for (const name of nodes) {
    const node: KubernetesObject = { apiVersion: "v1", kind: "Node", metadata: { name } };
    await api.merge(node, { spec: { unschedulable: true } });
    const pods = (await api.list("v1", "Pod")).filter(
      (pod) => pod["spec"].nodeName === name && deploymentsOf(objects).some((one) => isOf(one, pod)),
    );
    for (const pod of pods) {
      const refusal = await evicted(cluster, pod, timeoutMillis);
      if (refusal !== undefined) {
        findings.push({ kind: "not-drainable", object: nameOf(pod), message: refusal });
      }
    }
  }
  return [...findings, ...(await unavailable(cluster, objects, timeoutMillis))];
}

async function evicted(
  cluster: Cluster,
  pod: KubernetesObject,
  timeoutMillis: number,
): Promise<string | undefined> {
  let refusal: string | undefined;
  const attempts = waitFor(
    async () => {
      try {
        await evict(cluster.api, pod);
        return true;
      } catch (error) {
        if (!(error instanceof ApiRefusal)) throw error;
        if (error.status === 404) return true;
        // A budget says so while a predecessor is replaced.
        if (error.status !== 429) throw error;
        refusal = error.message;
        return false;
      }
    },
    { what: "the eviction", timeoutMillis },
  );
  return attempts.then(
    () => undefined,
    () => refusal ?? "was not evicted",
  );
}

function deploymentsOf(objects: readonly KubernetesObject[]): readonly KubernetesObject[] {
  return objects.filter(({ kind }) => kind === "Deployment");
}

function isOf(deployment: KubernetesObject, pod: KubernetesObject): boolean {
  const selector: Readonly<Record<string, string>> = deployment["spec"].selector.matchLabels;
  return (
    deployment.metadata.namespace === pod.metadata.namespace &&
    Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value)
  );
}

/** Nothing once a rollout is complete; else why it is not. */
async function blockedRollout(
  cluster: Cluster,
  deployment: KubernetesObject,
  timeoutMillis: number,
): Promise<string | undefined> {
  const state = (): Promise<string> => rolloutState(cluster, deployment);
  try {
    const failure = await waitFor(
      async () => {
        const live = await cluster.api.read(deployment);
        if (live === undefined) return "does not exist";
        if (isComplete(live)) return "";
        // Quotas and admission: the replica set controller was refused the pod.
        return conditionsOf(live).find(({ type, status }) => type === "ReplicaFailure" && status === "True")
          ?.message;
      },
      { what: "the rollout", timeoutMillis, state },
    );
    return failure === "" ? undefined : failure;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isComplete({ metadata, spec, status }: KubernetesObject): boolean {
  const replicas: number = spec.replicas;
  return (
    status?.observedGeneration === (metadata as unknown as { generation: number }).generation &&
    status.updatedReplicas === replicas &&
    status.availableReplicas === replicas &&
    status.replicas === replicas
  );
}

function conditionsOf(object: KubernetesObject): readonly Condition[] {
  return (object["status"]?.conditions ?? []) as readonly Condition[];
}

/** What the controllers and the scheduler say of a Deployment and its pods. */
async function rolloutState(cluster: Cluster, deployment: KubernetesObject): Promise<string> {
  const { namespace } = deployment.metadata;
  const live = await cluster.api.read(deployment);
  const pods = (await cluster.api.list("v1", "Pod", namespace)).filter((pod) => isOf(deployment, pod));
  const said = [...(live === undefined ? [] : [live]), ...pods].flatMap((object) =>
    conditionsOf(object)
      .filter(({ status, message }) => status === "False" && message !== undefined && message !== "")
      .map(({ message }) => `${nameOf(object)}: ${message}`),
  );
  return said.join("; ") || `${pods.length} pods, none of which says why`;
}

/** Events that no rollout may cause: refused pods and evictions in favour of others. */
async function complaints(cluster: Cluster): Promise<readonly Finding[]> {
  const events = await cluster.api.list("v1", "Event");
  return events
    .filter(({ reason }) => reason === "FailedCreate" || reason === "Preempted")
    .filter(({ message }) => !/error looking up service account/.test(message))
    .map(({ involvedObject, reason, message }) => ({
      kind: "rollout-blocked" as const,
      object: `${involvedObject.kind} ${involvedObject.namespace}/${involvedObject.name}`,
      message: `${reason}: ${message}`,
    }));
}
