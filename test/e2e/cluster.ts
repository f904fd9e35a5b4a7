import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { carriedFiles, locateCarried } from "../toolchain/carried-files.ts";
import type { GoToolName } from "../toolchain/go-tools.ts";
import { locateTool } from "../toolchain/locate-tool.ts";
import type { ClusterApi } from "./cluster/cluster-api.ts";
import { startControlPlane } from "./cluster/control-plane.ts";
import { customDefinitions, type CustomDefinition } from "./cluster/custom-definitions.ts";
import { dominoNodes, dominoObjects } from "./cluster/domino-cluster.ts";
import { fakeNodeAnnotation, nodeObject, nodeStatus, type FakeNode } from "./cluster/fake-node.ts";
import { groupOf, type KubernetesObject } from "./cluster/kubernetes-object.ts";
import { waitFor } from "./cluster/waiting.ts";
import { freePorts } from "./processes/free-ports.ts";
import type { Need } from "./requires.ts";

/** A Kubernetes cluster with a real API server, real controllers and a real scheduler; only its nodes are made up. */
export interface Cluster {
  readonly api: ClusterApi;
  /** Text of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Keys, data and logs. */
  readonly folder: string;
  /** Adds nodes; resolves when the scheduler may use them. */
  addNodes(nodes: readonly FakeNode[]): Promise<void>;
  /** Defines the custom kinds among objects. Gives the definitions, which say who judges which kind. */
  defineKinds(objects: readonly KubernetesObject[]): Promise<readonly CustomDefinition[]>;
  /** Ids of every process that runs for it. */
  processes(): readonly number[];
  stop(): Promise<void>;
}

const clusterTools: readonly GoToolName[] = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
];

/** What a cluster cannot start without. */
export function clusterNeed(): Need {
  const missing = [
    ...clusterTools.map((name) => locateTool(name)),
    ...carriedFiles.map(({ name }) => locateCarried(name)),
  ].find(({ kind }) => kind === "missing");
  return {
    name: "a Kubernetes cluster",
    ...(missing?.kind === "missing" ? { missing: missing.reason } : {}),
  };
}

/** Starts a cluster with Domino's own nodes and namespaces. Nothing of it outlives this process. */
export async function startCluster(): Promise<Cluster> {
  const controlPlane = await startControlPlane();
  const { api } = controlPlane;
  const addNodes = async (nodes: readonly FakeNode[]): Promise<void> => {
    for (const node of nodes) {
      const object = nodeObject(node);
      await api.apply(object);
      await api.merge(object, nodeStatus(node), "/status");
    }
    for (const node of nodes) {
      await waitFor(async () => isReady(await api.read(nodeObject(node))), { what: `node ${node.name}` });
    }
  };
  try {
    const [kwokPort = 0] = await freePorts(1);
    const stages = join(controlPlane.folder, "stages.yaml");
    await writeFile(stages, await stagesText());
    await controlPlane.run("kwok", [
      `--config=${stages}`,
      `--manage-nodes-with-annotation-selector=${fakeNodeAnnotation.key}=${fakeNodeAnnotation.value}`,
      `--server-address=127.0.0.1:${kwokPort}`,
      // Leases of its own: a node is lost when KWOK is.
      "--node-lease-duration-seconds=40",
    ]);
    await addNodes(dominoNodes);
    for (const object of dominoObjects) await whenAccountsExist(() => api.apply(object));
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  return {
    api,
    kubeconfig: controlPlane.kubeconfigOf("administrator"),
    folder: controlPlane.folder,
    addNodes,
    defineKinds: (objects) => defineKinds(api, objects),
    processes: controlPlane.processes,
    stop: controlPlane.stop,
  };
}

/** Pods are refused until the controller has made their namespace's default service account. */
async function whenAccountsExist(apply: () => Promise<KubernetesObject>): Promise<void> {
  let refusal: unknown;
  await waitFor(
    () =>
      apply().catch((error: unknown) => {
        refusal = error;
        return undefined;
      }),
    { what: "the first object of a namespace", state: () => String(refusal) },
  );
}

function isReady(node: KubernetesObject | undefined): boolean {
  const conditions = node?.["status"]?.conditions as readonly { type: string; status: string }[] | undefined;
  const isTainted = JSON.stringify(node?.["spec"]?.taints ?? []).includes("not-ready");
  return !isTainted && conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

async function stagesText(): Promise<string> {
  const stages = locateCarried("kwok-stages");
  if (stages.kind === "missing") throw new Error(stages.reason);
  const files = (await readdir(stages.folder)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(stages.folder, file), "utf8")));
  return texts.join("\n---\n");
}

async function defineKinds(
  api: ClusterApi,
  objects: readonly KubernetesObject[],
): Promise<readonly CustomDefinition[]> {
  const asked = new Set(objects.map(({ apiVersion, kind }) => `${groupOf(apiVersion)}/${kind}`));
  const found = await customDefinitions(objects.map(({ kind }) => kind));
  const needed = found.filter(({ group, kind }) => asked.has(`${group}/${kind}`));
  for (const { object } of needed) await api.apply(object);
  for (const { object, group, kind } of needed) {
    // Established is not enough: the first requests after it can meet a store that is not there yet.
    await waitFor(() => servedVersion(api, object).catch(() => undefined), {
      what: `the definition of ${kind} in ${group}`,
    });
  }
  return needed;
}

/** The version of a custom kind that can be listed. */
async function servedVersion(api: ClusterApi, definition: KubernetesObject): Promise<string> {
  const { group, names, versions } = definition["spec"];
  const version: string = versions.find((one: { served: boolean }) => one.served).name;
  await api.list(`${group}/${version}`, names.kind);
  return version;
}
