import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import type { RecordedResource } from "../../components/support/resources-of.ts";
import type { StackRecording } from "../../components/support/stack-recording.ts";
import type { FakeNode } from "../cluster/fake-node.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";

/** The Kubernetes objects of a program, as the provider would send them. */
export function kubernetesObjects(resources: readonly RecordedResource[]): readonly KubernetesObject[] {
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ inputs }) => inputs as KubernetesObject);
}

const zones = ["us-west-2a", "us-west-2b"];

/** The nodes that EKS would make of the program's node groups, with what the plan says their pods may request. */
export function plannedNodes({ resources, plan }: StackRecording): readonly FakeNode[] {
  return resources
    .filter(({ type }) => type === "aws:eks/nodeGroup:NodeGroup")
    .flatMap(({ inputs }) => {
      const pool = poolOf(plan, inputs.labels["dominodatalab.com/node-pool"]);
      return Array.from({ length: inputs.scalingConfig.desiredSize }, (_, index) =>
        plannedNode(inputs, pool, `${pool.name}-${index + 1}`),
      );
    });
}

/** One node more in every node group, as EKS adds before it drains one. */
export function spareNodes({ resources, plan }: StackRecording): readonly FakeNode[] {
  return resources
    .filter(({ type }) => type === "aws:eks/nodeGroup:NodeGroup")
    .map(({ inputs }) => {
      const pool = poolOf(plan, inputs.labels["dominodatalab.com/node-pool"]);
      return plannedNode(inputs, pool, `${pool.name}-spare`);
    });
}

type Pool = PlatformPlan["nodePools"][number];

function poolOf(plan: PlatformPlan, name: string): Pool {
  const pool = plan.nodePools.find((one) => one.name === name);
  if (pool === undefined) throw new Error(`the plan has no node pool "${name}"`);
  return pool;
}

const effects: Readonly<Record<string, string>> = {
  NO_SCHEDULE: "NoSchedule",
  NO_EXECUTE: "NoExecute",
  PREFER_NO_SCHEDULE: "PreferNoSchedule",
};

function plannedNode(inputs: RecordedResource["inputs"], pool: Pool, name: string): FakeNode {
  const zone = zones[Number(/\d+$/.exec(name)?.[0] ?? 0) % zones.length] ?? "";
  return {
    name,
    labels: {
      ...inputs.labels,
      "topology.kubernetes.io/zone": zone,
      "node.kubernetes.io/instance-type": inputs.instanceTypes[0],
    },
    taints: inputs.taints.map((taint: { key: string; value: string; effect: string }) => ({
      ...taint,
      effect: effects[taint.effect] ?? taint.effect,
    })),
    allocatable: { ...pool.allocatable, podCount: 29 },
  };
}
