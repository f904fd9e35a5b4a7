import type { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { EngineFixture } from "../providers/engine-fixture.ts";
import { issueCertificates } from "./certificates.ts";
import type { ControllerLoop } from "./controller-loop.ts";
import { EksNodes } from "./eks-nodes.ts";
import { devProgram } from "./platform-stack.ts";

export const devNamespace = "domino-inference-dev";

/** Type of EKS node groups. */
export const nodeGroup = "aws:eks/nodeGroup:NodeGroup";

/** Custom kinds that the platform has objects of. */
export const customKinds: readonly KubernetesObject[] = [
  { apiVersion: "cert-manager.io/v1", kind: "Certificate", metadata: { name: "" } },
  { apiVersion: "cert-manager.io/v1", kind: "Issuer", metadata: { name: "" } },
  { apiVersion: "apps.dominodatalab.com/v1alpha1", kind: "Mutation", metadata: { name: "" } },
];

/** Kinds that the platform has objects of, its controllers' among them. */
const ownKinds: readonly (readonly [apiVersion: string, kind: string])[] = [
  ["v1", "Namespace"],
  ["v1", "ServiceAccount"],
  ["v1", "Service"],
  ["v1", "ConfigMap"],
  ["v1", "ResourceQuota"],
  ["v1", "PersistentVolume"],
  ["v1", "PersistentVolumeClaim"],
  ["v1", "Pod"],
  ["apps/v1", "Deployment"],
  ["apps/v1", "ReplicaSet"],
  ["policy/v1", "PodDisruptionBudget"],
  ["networking.k8s.io/v1", "NetworkPolicy"],
  ["scheduling.k8s.io/v1", "PriorityClass"],
  ...customKinds.map(({ apiVersion, kind }) => [apiVersion, kind] as const),
];

/** What the dev platform is put up in: a cluster with EKS's and cert-manager's doings, and one stack at a time. */
export class PlatformBed {
  cluster!: Cluster;
  /** The stack of the test that runs; the dev stack unless the test says otherwise. */
  stack!: EngineFixture;
  nodes!: EksNodes;
  #certificates: ControllerLoop | undefined;
  readonly #cli: PulumiCommand | undefined;

  constructor(cli: PulumiCommand | undefined) {
    this.#cli = cli;
  }

  /** Before all tests of a file. */
  async start(): Promise<void> {
    this.cluster = await startCluster();
    await this.cluster.defineKinds(customKinds);
    this.#certificates = issueCertificates(this.cluster);
  }

  /** Before each of them. */
  async openStack(): Promise<void> {
    this.stack = await EngineFixture.create(this.#cli);
    this.nodes = new EksNodes(this.cluster, this.stack.records);
    this.stack.program = devProgram(this.cluster);
  }

  /** After each: what a failed test left would be found by the next one. */
  async closeStack(): Promise<void> {
    await this.stack.failures([]);
    await this.stack.cancel().catch(() => undefined);
    await this.stack.destroy().catch(() => undefined);
    await this.nodes.stop();
    await this.stack.remove();
  }

  async stop(): Promise<void> {
    await this.#certificates?.stop();
    await this.cluster?.stop();
  }

  /** Available replicas of every Deployment. */
  async replicas(): Promise<Readonly<Record<string, number>>> {
    const found = await this.cluster.api.list("apps/v1", "Deployment", devNamespace);
    return Object.fromEntries(found.map(({ metadata, status }) => [metadata.name, status.availableReplicas]));
  }

  async podUids(): Promise<readonly string[]> {
    const pods = await this.cluster.api.list("v1", "Pod", devNamespace);
    return pods.map(({ metadata }) => (metadata as unknown as { uid: string }).uid);
  }

  /** Everything in the API server that the platform consists of, as kind, namespace and name. */
  async ownObjects(): Promise<readonly string[]> {
    const found = await Promise.all(
      ownKinds.map(([apiVersion, kind]) => this.cluster.api.list(apiVersion, kind)),
    );
    return found
      .flat()
      .filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/part-of"] === "domino-inference")
      .map(({ kind, metadata }) => [kind, metadata.namespace ?? "", metadata.name].join("/"));
  }

  /** Names, in the program, of what is in the cloud of one type, sorted. */
  async namesOf(type: string): Promise<readonly string[]> {
    return (await this.stack.records.list(type)).map(({ resource }) => resource).toSorted();
  }
}
