import type { Cluster } from "../cluster.ts";
import { nameOf, type KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import type { Finding } from "./finding.ts";

/**
 * Services, disruption budgets and network policies that select no pod, or a port that none of their pods listens on.
 * Services and budgets are judged by their controllers; of network policies the API server has no controller, so their
 * selectors are held against the pods and namespaces that live in it.
 */
export async function selectingNothing(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<readonly Finding[]> {
  const world = await liveWorld(cluster);
  const findings: Finding[] = [];
  for (const object of objects) {
    const missing = await nothingSelected(cluster, object, world);
    for (const message of missing)
      findings.push({ kind: "selects-nothing", object: nameOf(object), message });
  }
  return findings;
}

interface World {
  readonly pods: readonly KubernetesObject[];
  readonly namespaces: ReadonlyMap<string, Labels>;
}

type Labels = Readonly<Record<string, string>>;

async function liveWorld({ api }: Cluster): Promise<World> {
  const namespaces = await api.list("v1", "Namespace");
  return {
    pods: await api.list("v1", "Pod"),
    namespaces: new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
  };
}

async function nothingSelected(
  cluster: Cluster,
  object: KubernetesObject,
  world: World,
): Promise<readonly string[]> {
  switch (object.kind) {
    case "Service":
      return (await hasEndpoints(cluster, object)) ? [] : ["no ready endpoint for every port"];
    case "PodDisruptionBudget":
      return (await hasExpectedPods(cluster, object)) ? [] : ["protects no pod"];
    case "NetworkPolicy":
      return policyGaps(object, world);
    default:
      return [];
  }
}

/** Controllers follow the pods after a moment. */
const settleMillis = 5_000;

async function settled(ask: () => Promise<boolean>): Promise<boolean> {
  return waitFor(ask, { what: "the controller's answer", timeoutMillis: settleMillis }).catch(() => false);
}

async function hasEndpoints({ api }: Cluster, service: KubernetesObject): Promise<boolean> {
  const ports: readonly { readonly name: string }[] = service["spec"].ports;
  return settled(async () => {
    const slices = await api.list("discovery.k8s.io/v1", "EndpointSlice", service.metadata.namespace);
    const own = slices.filter(
      ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name,
    );
    return ports.every(({ name }) =>
      own.some(
        (slice) =>
          slice["ports"]?.some((port: { name: string; port?: number }) => port.name === name && port.port) &&
          slice["endpoints"]?.some((end: { conditions: { ready?: boolean } }) => end.conditions.ready),
      ),
    );
  });
}

async function hasExpectedPods({ api }: Cluster, budget: KubernetesObject): Promise<boolean> {
  return settled(async () => ((await api.read(budget))?.["status"]?.expectedPods ?? 0) > 0);
}

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly unknown[];
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: unknown;
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port?: number | string }[];
}

function policyGaps(policy: KubernetesObject, world: World): readonly string[] {
  const namespace = policy.metadata.namespace ?? "default";
  const {
    podSelector,
    ingress = [],
    egress = [],
  } = policy["spec"] as {
    readonly podSelector: Selector;
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
  const own = world.pods.filter(
    ({ metadata }) => metadata.namespace === namespace && matches(podSelector, metadata.labels),
  );
  if (own.length === 0) return [`podSelector ${JSON.stringify(podSelector)} selects no pod`];
  return [
    ...ingress.flatMap((rule) => [
      ...peerGaps(rule.from, namespace, world),
      ...portGaps(rule, own, "of the pods it protects"),
    ]),
    ...egress.flatMap((rule) => peerGaps(rule.to, namespace, world)),
  ];
}

function peerGaps(peers: readonly Peer[] | undefined, namespace: string, world: World): readonly string[] {
  return (peers ?? [])
    .filter((peer) => peer.ipBlock === undefined && !peerExists(peer, namespace, world))
    .map((peer) => `peer ${JSON.stringify(peer)} selects no pod`);
}

function peerExists(peer: Peer, namespace: string, { pods, namespaces }: World): boolean {
  return pods.some(({ metadata }) => {
    const podNamespace = metadata.namespace ?? "default";
    const isInside = peer.namespaceSelector
      ? matches(peer.namespaceSelector, namespaces.get(podNamespace))
      : podNamespace === namespace;
    return isInside && (peer.podSelector === undefined || matches(peer.podSelector, metadata.labels));
  });
}

interface ContainerPort {
  readonly containerPort: number;
  readonly name?: string;
}

function portGaps(rule: Rule, pods: readonly KubernetesObject[], whose: string): readonly string[] {
  const listened: readonly ContainerPort[] = pods.flatMap((pod) =>
    (pod["spec"].containers as readonly { ports?: readonly ContainerPort[] }[]).flatMap(
      ({ ports = [] }) => ports,
    ),
  );
  return (rule.ports ?? [])
    .filter(({ port }) => port !== undefined)
    .filter(({ port }) => !listened.some((one) => one.containerPort === port || one.name === port))
    .map(({ port }) => `port ${port} is no container port ${whose}`);
}

function matches(selector: Selector, labels: Labels = {}): boolean {
  if (selector.matchExpressions !== undefined) throw new Error("matchExpressions are not evaluated here");
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}
