import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSpec } from "../../../platform/spec/load.ts";
import { recordingOfSpec, type StackRecording } from "../../components/support/stack-recording.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import { nameOf, type KubernetesObject } from "../cluster/kubernetes-object.ts";
import { suite } from "../requires.ts";
import { applyAll, removeAll } from "./apply.ts";
import { kubernetesObjects, plannedNodes } from "./planned-objects.ts";
import { rollOut, unavailable } from "./rollout.ts";

const examples = readdirSync("examples").filter((file) => file.endsWith(".yaml"));

suite("a Kubernetes API server, for the examples", [clusterNeed()], () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  describe.each(examples)("examples/%s", (file) => {
    let recording: StackRecording;
    let objects: readonly KubernetesObject[];
    let claims: readonly KubernetesObject[];

    beforeAll(async () => {
      recording = await recordingOfSpec(await loadSpec(`examples/${file}`));
      // What a chart makes only its release would: neither it nor patches of its objects can be applied here. A
      // definition that is read is there already.
      objects = kubernetesObjects(
        recording.resources.filter(
          ({ type }) => !/:(?:Release|CustomResourceDefinition|\w+Patch)$/.test(type),
        ),
      );
      await cluster.addNodes(plannedNodes(recording));
      claims = claimsOfOthers(objects);
    }, 60_000);

    afterAll(async () => {
      await removeAll(cluster, [...objects, ...claims]);
    }, 120_000);

    test("is accepted with strict field validation, its custom resources by their definitions", async () => {
      const definitions = await cluster.defineKinds(objects);
      expect(definitions.filter(({ judges }) => !judges).map(({ kind }) => kind)).toEqual([]);
      expect(await applyAll(cluster, objects)).toEqual([]);
    });

    test("has every plain workload available on the nodes of the plan", { timeout: 180_000 }, async () => {
      expect(await applyAll(cluster, claims)).toEqual([]);
      expect(await unavailable(cluster, objects)).toEqual([]);
    });

    test(
      "keeps all replicas but one in a rolling update, and refuses or evicts no pod",
      { timeout: 300_000 },
      async () => {
        const watch = watchAvailable(cluster, objects);
        expect(await rollOut(cluster, objects)).toEqual([]);
        expect(await watch.stop()).toEqual([]);
      },
    );
  });
});

/** Claims that a spec says are there, with volumes that nobody mounts: made-up kubelets do not mind. */
function claimsOfOthers(objects: readonly KubernetesObject[]): readonly KubernetesObject[] {
  const own = new Set(
    objects
      .filter(({ kind }) => kind === "PersistentVolumeClaim")
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  const used = objects
    .filter(({ kind }) => kind === "Deployment" || kind === "Job")
    .flatMap((object) =>
      ((object["spec"].template.spec.volumes ?? []) as { persistentVolumeClaim?: { claimName: string } }[])
        .flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? [])
        .map((name) => `${object.metadata.namespace}/${name}`),
    );
  return [...new Set(used)]
    .filter((claim) => !own.has(claim))
    .flatMap((claim) => {
      const [namespace = "", name = ""] = claim.split("/");
      const shared = { accessModes: ["ReadWriteMany"], storageClassName: "" };
      return [
        {
          apiVersion: "v1",
          kind: "PersistentVolume",
          metadata: { name: `${namespace}-${name}` },
          spec: {
            ...shared,
            capacity: { storage: "1Ti" },
            claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name },
            csi: { driver: "test.invalid", volumeHandle: claim },
          },
        },
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name, namespace },
          spec: {
            ...shared,
            volumeName: `${namespace}-${name}`,
            resources: { requests: { storage: "1Ti" } },
          },
        },
      ];
    });
}

/** Looks at Deployments until it is stopped, and tells which of them had two replicas or more missing at once. */
function watchAvailable(
  { api }: Cluster,
  objects: readonly KubernetesObject[],
): { stop(): Promise<readonly string[]> } {
  const deployments = objects.filter(
    (object) => object.kind === "Deployment" && object["spec"].strategy?.rollingUpdate?.maxUnavailable === 1,
  );
  const short = new Set<string>();
  let watching = true;
  const watched = (async () => {
    while (watching) {
      for (const object of deployments) {
        const live = await api.read(object);
        const wanted: number = live?.["spec"].replicas ?? 0;
        const available: number = live?.["status"]?.availableReplicas ?? 0;
        if (available < wanted - 1) short.add(`${nameOf(object)}: ${available} of ${wanted}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    stop: async () => {
      watching = false;
      await watched;
      return [...short];
    },
  };
}
