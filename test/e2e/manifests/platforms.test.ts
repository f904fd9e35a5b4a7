import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterSpec } from "../../components/support/cluster-spec.ts";
import { present } from "../../components/support/present.ts";
import { podsOf, Reachability } from "../../components/support/reachability.ts";
import type { RecordedResource } from "../../components/support/resources-of.ts";
import {
  recordingOfSpec,
  recordingOfStack,
  type StackRecording,
} from "../../components/support/stack-recording.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import { groupOf, type KubernetesObject } from "../cluster/kubernetes-object.ts";
import { suite } from "../requires.ts";
import { wrongAccess } from "./access.ts";
import { applyAll, removeAll } from "./apply.ts";
import { kubernetesObjects, plannedNodes, spareNodes } from "./planned-objects.ts";
import { drain, rollOut, unavailable } from "./rollout.ts";
import { selectingNothing } from "./selection.ts";

const platforms: Readonly<Record<string, () => Promise<StackRecording>>> = {
  dev: () => recordingOfStack("dev"),
  test: () => recordingOfStack("test"),
  prod: () => recordingOfStack("prod"),
  "bank (namespaces of its own, two versions, an LLM from a dataset)": () => recordingOfSpec(clusterSpec()),
};

suite("a Kubernetes API server", [clusterNeed()], () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  describe.each(Object.keys(platforms))("with the manifests of %s", (name) => {
    let recording: StackRecording;
    let objects: readonly KubernetesObject[];

    beforeAll(async () => {
      recording = await (platforms[name] as () => Promise<StackRecording>)();
      objects = kubernetesObjects(recording.resources);
      await cluster.addNodes(plannedNodes(recording));
    }, 60_000);

    afterAll(async () => {
      await removeAll(cluster, objects);
    }, 120_000);

    test("has a schema that judges every custom kind", async () => {
      const definitions = await cluster.defineKinds(objects);
      for (const { group, kind, source } of definitions) {
        process.stdout.write(`${kind} (${group}) is judged by ${source}\n`);
      }
      const customKinds = new Set(
        objects.filter(({ apiVersion }) => isCustom(apiVersion)).map(({ kind }) => kind),
      );
      expect(new Set(definitions.filter(({ judges }) => judges).map(({ kind }) => kind))).toEqual(
        customKinds,
      );
    });

    test("accepts every object with strict field validation and admission", async () => {
      expect(await applyAll(cluster, objects)).toEqual([]);
    });

    test("sees every replica available on the nodes of the plan", { timeout: 180_000 }, async () => {
      expect(await unavailable(cluster, objects)).toEqual([]);
      const pods = await cluster.api.list("v1", "Pod");
      const engines = pods.filter(
        ({ metadata }) => metadata.labels?.["app.kubernetes.io/component"] === "inference-engine",
      );
      expect(engines.length).toBe(recording.plan.groups.reduce((sum, { replicas }) => sum + replicas, 0));
      const planned = new Set(plannedNodes(recording).map((node) => node.name));
      expect(engines.map((pod) => pod["spec"].nodeName).filter((node) => !planned.has(node))).toEqual([]);
    });

    test("has pods for every selector of services, budgets and network policies", async () => {
      expect(await selectingNothing(cluster, objects)).toEqual([]);
    });

    test("lets the proxy see which pods engines have, and other service accounts do nothing", async () => {
      const accounts = objects
        .filter(({ kind }) => kind === "ServiceAccount")
        .map(({ metadata }) => ({ namespace: metadata.namespace ?? "", account: metadata.name }));
      expect(accounts).not.toEqual([]);
      const proxy = accounts.find(({ account }) => account === "inference-proxy");
      const needs = [...new Set(recording.plan.groups.map(({ namespace }) => namespace))].flatMap(
        (inNamespace) =>
          [
            { verb: "list", group: "discovery.k8s.io", resource: "endpointslices" },
            { verb: "watch", group: "discovery.k8s.io", resource: "endpointslices" },
            { verb: "get", group: "", resource: "services" },
          ].map((right) => ({ ...present(proxy), inNamespace, ...right })),
      );
      expect(await wrongAccess(cluster, accounts, needs)).toEqual([]);
      const pods = await cluster.api.list("v1", "Pod");
      const namespaces = new Set(accounts.map(({ namespace }) => namespace));
      const tokens = pods
        .filter(
          ({ metadata }) =>
            namespaces.has(metadata.namespace ?? "") &&
            metadata.namespace !== "domino-compute" &&
            metadata.labels?.["app.kubernetes.io/component"] !== "proxy",
        )
        .flatMap((pod) => pod["spec"].volumes ?? [])
        .filter((volume: { name: string }) => volume.name.startsWith("kube-api-access"));
      expect(tokens).toEqual([]);
    });

    test("connects the proxy with engines, Domino's runs with the proxy, and nobody else", async () => {
      const live = await liveNetwork(cluster);
      const pods = [...podsOf(recording.resources)];
      const proxies = pods.filter(([, { labels }]) => labels["app.kubernetes.io/component"] === "proxy");
      const engines = pods.filter(
        ([, { labels }]) => labels["app.kubernetes.io/component"] === "inference-engine",
      );
      const run = { namespace: "domino-compute", labels: { "dominodatalab.com/workload-type": "Workspace" } };
      const dns = { namespace: "kube-system", labels: { "k8s-app": "kube-dns" } };
      expect(proxies.length).toBe(1);
      expect(engines.length).toBeGreaterThan(1);
      for (const [, proxy] of proxies) {
        expect(live.may(run, proxy, 8443)).toBe(true);
        expect(live.may(run, proxy, 8081)).toBe(false);
        for (const [engineName, engine] of engines) {
          expect(live.may(proxy, engine, 8000), engineName).toBe(true);

          expect(live.may(run, engine, 8000), engineName).toBe(false);
          expect(live.may(engine, proxy, 8443), engineName).toBe(false);
          expect(live.may(engine, dns, 53, "UDP"), engineName).toBe(true);
          expect(live.may(engine, { address: "169.254.169.254" }, 80), engineName).toBe(false);
          for (const [otherName, other] of engines) {
            expect(live.may(engine, other, 8000), `${engineName} to ${otherName}`).toBe(false);
          }
        }
      }
    });

    test(
      "replaces every pod in a rolling update without refusing or evicting one",
      { timeout: 300_000 },
      async () => {
        expect(await rollOut(cluster, objects)).toEqual([]);
      },
    );

    test("drains a node of every node group once its successor is there", { timeout: 300_000 }, async () => {
      await cluster.addNodes(spareNodes(recording));
      const drained = recording.plan.nodePools.map((pool) => `${pool.name}-1`);
      expect(await drain(cluster, objects, drained)).toEqual([]);
    });
  });
});

/** The network as the API server holds it: policies, and labels of namespaces. */
async function liveNetwork({ api }: Cluster): Promise<Reachability> {
  const objects = [
    ...(await api.list("networking.k8s.io/v1", "NetworkPolicy")),
    ...(await api.list("v1", "Namespace")),
  ];
  return new Reachability(
    objects.map((object) => ({ type: `:${object.kind}`, inputs: object }) as unknown as RecordedResource),
  );
}

function isCustom(apiVersion: string): boolean {
  const group = groupOf(apiVersion);
  return group.includes(".") && !group.endsWith(".k8s.io");
}
