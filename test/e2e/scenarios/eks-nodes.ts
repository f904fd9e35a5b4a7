import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { allocatable } from "../../../optimizer/packing/allocatable.ts";
import { nodeReservation } from "../../../platform/plan/hardware.ts";
import type { Cluster } from "../cluster.ts";
import { evict } from "../cluster/eviction.ts";
import { nodeObject, type FakeNode } from "../cluster/fake-node.ts";
import type { CloudRecord, CloudRecords } from "../providers/generic/cloud-records.ts";
import { ControllerLoop } from "./controller-loop.ts";

const zones = ["us-west-2a", "us-west-2b"];
const effects: Readonly<Record<string, string>> = { NO_SCHEDULE: "NoSchedule", NO_EXECUTE: "NoExecute" };

/**
 * What EKS does with node groups: nodes of the group's size, labels and taints join the cluster, and leave it with the
 * group. Here they are KWOK's, of the size that the catalog gives the instance type.
 */
export class EksNodes {
  readonly #cluster: Cluster;
  readonly #records: CloudRecords;
  readonly #nodes = new Map<string, FakeNode>();
  readonly #loop: ControllerLoop;

  constructor(cluster: Cluster, records: CloudRecords) {
    this.#cluster = cluster;
    this.#records = records;
    this.#loop = new ControllerLoop(() => this.#reconcile());
  }

  /** Names of the nodes that node groups have brought. */
  get names(): readonly string[] {
    return [...this.#nodes.keys()].toSorted();
  }

  /** Stops to follow; the nodes go with the cluster. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #reconcile(): Promise<void> {
    const groups = await this.#records.list("aws:eks/nodeGroup:NodeGroup");
    const wanted = new Map(groups.flatMap(nodesOf).map((node) => [node.name, node]));
    const joining = [...wanted.values()].filter(({ name }) => !this.#nodes.has(name));
    await this.#cluster.addNodes(joining);
    for (const node of joining) this.#nodes.set(node.name, node);
    for (const [name, node] of this.#nodes) {
      if (!wanted.has(name) && (await this.#isDrained(node))) {
        await this.#cluster.api.remove(nodeObject(node));
        this.#nodes.delete(name);
      }
    }
  }

  /** Asks the pods of a leaving node to go; disruption budgets may make that take several rounds. */
  async #isDrained(node: FakeNode): Promise<boolean> {
    const { api } = this.#cluster;
    await api.merge(nodeObject(node), { spec: { unschedulable: true } });
    const pods = (await api.list("v1", "Pod")).filter((pod) => pod["spec"].nodeName === node.name);
    for (const pod of pods) await evict(api, pod);
    return pods.length === 0;
  }
}

interface NodeGroup {
  readonly nodeGroupName: string;
  readonly instanceTypes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  readonly scalingConfig: { readonly desiredSize: number };
}

function nodesOf({ properties }: CloudRecord): readonly FakeNode[] {
  const group = properties as unknown as NodeGroup;
  const type = catalogOf("2026-11")?.instanceTypes.find(({ name }) => name === group.instanceTypes[0]);
  if (type === undefined) throw new Error(`the catalog has no instance type ${group.instanceTypes[0]}`);
  return Array.from({ length: group.scalingConfig.desiredSize }, (_, index) => ({
    name: `${group.nodeGroupName}-${index + 1}`,
    labels: {
      ...group.labels,
      "topology.kubernetes.io/zone": zones[index % zones.length] ?? "",
      "node.kubernetes.io/instance-type": type.name,
    },
    taints: group.taints.map((taint) => ({ ...taint, effect: effects[taint.effect] ?? taint.effect })),
    allocatable: allocatable(type, nodeReservation),
  }));
}
