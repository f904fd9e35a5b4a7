import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DynamoGraphDeployment, GraphComponent } from "../../../platform/engines/dynamo/graph-types.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { recordingOfSpec } from "../../components/support/stack-recording.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { suite } from "../requires.ts";
import { applyAll, removeAll } from "./apply.ts";
import { kubernetesObjects, plannedNodes } from "./planned-objects.ts";
import { rollOut, unavailable } from "./rollout.ts";

const examples = readdirSync("examples").filter((file) => file.startsWith("dynamo-"));

/** Names of pods and services do not matter here: what the operator makes of a graph's components on one node. */
function operatorDeployments(graph: DynamoGraphDeployment): readonly KubernetesObject[] {
  const { name, namespace } = graph.metadata;
  return graph.spec.components.map((component) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `${name}-${component.name.toLowerCase()}`, namespace },
    spec: {
      // One where an adapter decides.
      replicas: component.replicas ?? 1,
      selector: { matchLabels: selectorOf(component) },
      strategy: {
        type: "RollingUpdate",
        rollingUpdate:
          component.type === "frontend"
            ? { maxSurge: "25%", maxUnavailable: "25%" }
            : {
                maxSurge: rolloutLimit(component, "surge"),
                maxUnavailable: rolloutLimit(component, "unavailable"),
              },
      },
      template: withSharedMemory(component),
    },
  }));
}

function selectorOf({ podTemplate }: GraphComponent): Record<string, string> {
  const keys = ["name", "instance", "component"].map((key) => `app.kubernetes.io/${key}`);
  return Object.fromEntries(keys.map((key) => [key, podTemplate.metadata.labels[key] ?? ""]));
}

function rolloutLimit({ podTemplate }: GraphComponent, of: "surge" | "unavailable"): number {
  return Number(podTemplate.metadata.annotations[`nvidia.com/deployment-rolling-update-max-${of}`]);
}

function withSharedMemory({ podTemplate, sharedMemorySize }: GraphComponent): object {
  if (sharedMemorySize === "0") return podTemplate;
  const { spec } = podTemplate;
  const [main] = spec.containers;
  const volumes = spec["volumes"] as readonly object[];
  const mounts = main["volumeMounts"] as readonly object[];
  return {
    ...podTemplate,
    spec: {
      ...spec,
      volumes: [
        ...volumes,
        { name: "shared-memory", emptyDir: { medium: "Memory", sizeLimit: sharedMemorySize } },
      ],
      containers: [{ ...main, volumeMounts: [...mounts, { name: "shared-memory", mountPath: "/dev/shm" }] }],
    },
  };
}

suite("the pods of Dynamo's graphs, before a real API server", [clusterNeed()], () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  describe.each(examples)("examples/%s", (file) => {
    let objects: readonly KubernetesObject[];
    let deployments: readonly KubernetesObject[];

    beforeAll(async () => {
      const recording = await recordingOfSpec(await loadSpec(`examples/${file}`));
      objects = kubernetesObjects(
        recording.resources.filter(
          ({ type }) => !/:(?:Release|CustomResourceDefinition|\w+Patch)$/.test(type),
        ),
      );
      deployments = objects
        .filter(({ kind }) => kind === "DynamoGraphDeployment")
        .flatMap((graph) => operatorDeployments(graph as unknown as DynamoGraphDeployment));
      await cluster.addNodes(plannedNodes(recording));
      await cluster.defineKinds(objects);
      await applyAll(cluster, objects);
    }, 120_000);

    afterAll(async () => {
      await removeAll(cluster, [...deployments, ...objects]);
    }, 120_000);

    test(
      "are admitted by Pod Security and the quota, and find places on the nodes of the plan",
      { timeout: 180_000 },
      async () => {
        expect(deployments.length).toBeGreaterThan(1);
        expect(await applyAll(cluster, deployments)).toEqual([]);
        expect(await unavailable(cluster, deployments)).toEqual([]);
      },
    );

    test("are replaced within the quota and without a card more", { timeout: 300_000 }, async () => {
      expect(await rollOut(cluster, deployments)).toEqual([]);
    });
  });
});
