import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { RecordedResource } from "../../components/support/resources-of.ts";
import { recordingOfStack, type StackRecording } from "../../components/support/stack-recording.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import { suite } from "../requires.ts";
import { wrongAccess } from "./access.ts";
import { applyAll, removeAll } from "./apply.ts";
import { kubernetesObjects, plannedNodes } from "./planned-objects.ts";
import { drain, unavailable } from "./rollout.ts";
import { selectingNothing } from "./selection.ts";

const namespace = "domino-inference-dev";
const proxy = `Deployment ${namespace}/inference-proxy`;

suite("the test bed catches", [clusterNeed()], () => {
  let cluster: Cluster;
  let recording: StackRecording;
  let applied: readonly KubernetesObject[] = [];

  beforeAll(async () => {
    recording = await recordingOfStack("dev");
    cluster = await startCluster();
    await cluster.addNodes(plannedNodes(recording));
  }, 120_000);

  afterEach(async () => {
    await removeAll(cluster, applied);
    applied = [];
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  /** The objects of dev, with those of one kind and name changed; fails where there are none. */
  async function apply(kind: string, name: string, change: (object: Changeable) => void) {
    const objects = kubernetesObjects(structuredClone(recording.resources) as readonly RecordedResource[]);
    const chosen = objects.filter((object) => object.kind === kind && object.metadata.name === name);
    if (chosen.length === 0) throw new Error(`there is no ${kind} ${name} to break`);
    for (const object of chosen) change(object);
    applied = objects;
    return { objects, refused: await applyAll(cluster, objects) };
  }

  test("a field that Kubernetes does not know", async () => {
    const { refused } = await apply("Deployment", "inference-proxy", ({ spec }) => {
      spec.template.spec.containers[0].readinesProbe = spec.template.spec.containers[0].readinessProbe;
    });
    expect(refused).toEqual([
      { kind: "refused", object: proxy, message: expect.stringContaining("readinesProbe") },
    ]);
  });

  test("a field that a custom kind does not know, or of the wrong type", async () => {
    const { refused } = await apply("Certificate", "inference-proxy", ({ spec }) => {
      spec.dnsName = "proxy";
      spec.duration = 90;
    });
    expect(refused).toEqual([
      {
        kind: "refused",
        object: `Certificate ${namespace}/inference-proxy`,
        message: expect.stringMatching(/dnsName|duration/),
      },
    ]);
  });

  test("a rule that Domino's Mutation does not know", async () => {
    const [mutation] = kubernetesObjects(recording.resources).filter(({ kind }) => kind === "Mutation");
    const { refused } = await apply("Mutation", mutation?.metadata.name ?? "", ({ rules }) => {
      rules[0].modelApi = {};
    });
    expect(refused).toEqual([
      {
        kind: "refused",
        object: expect.stringContaining("Mutation"),
        message: expect.stringContaining("modelApi"),
      },
    ]);
  });

  test("a container that runs as root where PodSecurity is restricted", async () => {
    const { objects, refused } = await apply("Deployment", "inference-proxy", ({ spec }) => {
      spec.template.spec.securityContext.runAsNonRoot = false;
    });
    expect(refused).toEqual([]);
    expect(await unavailable(cluster, objects)).toEqual([
      { kind: "not-available", object: proxy, message: expect.stringContaining("violates PodSecurity") },
    ]);
  });

  test("a quota that is too small", async () => {
    const { objects } = await apply("ResourceQuota", "inference-quota", ({ spec }) => {
      spec.hard["requests.nvidia.com/gpu"] = "1";
    });
    expect(await unavailable(cluster, objects)).toContainEqual({
      kind: "not-available",
      object: expect.stringContaining(`Deployment ${namespace}/`),
      message: expect.stringContaining("exceeded quota"),
    });
  });

  test("a disruption budget that keeps a node from being drained", async () => {
    const { objects } = await apply("PodDisruptionBudget", "inference-proxy", ({ spec }) => {
      spec.maxUnavailable = 0;
    });
    expect(await unavailable(cluster, objects)).toEqual([]);
    const proxies = (await cluster.api.list("v1", "Pod", namespace)).filter(({ metadata }) =>
      metadata.name.startsWith("inference-proxy"),
    );
    const node = proxies[0]?.["spec"].nodeName;
    expect(await drain(cluster, objects, [node], 3_000)).toContainEqual({
      kind: "not-drainable",
      object: expect.stringContaining(`Pod ${namespace}/inference-proxy`),
      message: expect.stringContaining("disruption budget"),
    });
    await cluster.api.merge(
      { apiVersion: "v1", kind: "Node", metadata: { name: node } },
      { spec: { unschedulable: false } },
    );
  });

  test("a node selector that no node has", async () => {
    const { objects } = await apply("Deployment", "inference-proxy", ({ spec }) => {
      spec.template.spec.nodeSelector = { "dominodatalab.com/node-pool": "no-such-pool" };
    });
    expect(await unavailable(cluster, objects, 10_000)).toEqual([
      {
        kind: "not-available",
        object: proxy,
        message: expect.stringContaining("didn't match Pod's node affinity"),
      },
    ]);
  });

  test("services, budgets and network policies that select nothing", async () => {
    const { objects } = await apply("Service", "inference-proxy-service", ({ spec }) => {
      spec.selector = { "app.kubernetes.io/name": "no-such-app" };
    });
    expect(await unavailable(cluster, objects)).toEqual([]);
    expect(await selectingNothing(cluster, objects)).toEqual([
      {
        kind: "selects-nothing",
        object: `Service ${namespace}/inference-proxy-service`,
        message: "no ready endpoint for every port",
      },
    ]);
    const changes: readonly [string, string, (object: Changeable) => void, string][] = [
      [
        "PodDisruptionBudget",
        "inference-proxy",
        ({ spec }) => (spec.selector.matchLabels = { app: "no-such-app" }),
        "protects no pod",
      ],
      [
        "NetworkPolicy",
        "inference-proxy-from-domino",
        ({ spec }) => (spec.podSelector.matchLabels = { app: "no-such-app" }),
        "selects no pod",
      ],
      [
        "NetworkPolicy",
        "inference-proxy-from-domino",
        ({ spec }) => (spec.ingress[0].ports[0].port = 9_999),
        "port 9999 is no container port",
      ],
      [
        "NetworkPolicy",
        "inference-proxy-from-domino",
        ({ spec }) =>
          (spec.ingress[0].from[0].namespaceSelector.matchLabels = {
            "kubernetes.io/metadata.name": "no-such",
          }),
        "selects no pod",
      ],
    ];
    for (const [kind, name, change, message] of changes) {
      const object = changed(kind, name, change);
      await cluster.api.apply(object);
      expect(await selectingNothing(cluster, [object])).toEqual([
        {
          kind: "selects-nothing",
          object: `${kind} ${namespace}/${name}`,
          message: expect.stringContaining(message),
        },
      ]);
    }
  });

  function changed(kind: string, name: string, change: (object: Changeable) => void): KubernetesObject {
    const objects = kubernetesObjects(structuredClone(recording.resources) as readonly RecordedResource[]);
    const object = objects.find((one) => one.kind === kind && one.metadata.name === name);
    if (object === undefined) throw new Error(`there is no ${kind} ${name} to break`);
    change(object);
    return object;
  }

  describe("of service accounts", () => {
    const account = { namespace: "domino-compute", account: "watcher" };
    const needs = ["get", "list", "watch"].map((verb) => ({
      ...account,
      verb,
      group: "discovery.k8s.io",
      resource: "endpointslices",
    }));

    beforeAll(async () => {
      await cluster.api.apply({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: account.account, namespace: account.namespace },
      });
      await cluster.api.apply({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "watcher", namespace: account.namespace },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "watcher" },
        subjects: [{ kind: "ServiceAccount", name: account.account, namespace: account.namespace }],
      });
    });

    /** The authorizer reads roles from a cache that follows after a moment. */
    async function grant(verbs: readonly string[]) {
      await cluster.api.apply({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "watcher", namespace: account.namespace },
        rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs }],
      });
      const expected = verbs.map((verb) => ({
        ...account,
        verb,
        group: "discovery.k8s.io",
        resource: "endpointslices",
      }));
      await waitFor(async () => (await wrongAccess(cluster, [account], expected)).length === 0, {
        what: `the grant of ${verbs.join(", ")}`,
      });
    }

    test("a missing verb", async () => {
      await grant(["get", "list"]);
      expect(await wrongAccess(cluster, [account], needs)).toEqual([
        {
          kind: "access-missing",
          object: "ServiceAccount domino-compute/watcher",
          message: "may not watch endpointslices.discovery.k8s.io",
        },
      ]);
    });

    test("a verb too many", async () => {
      await grant(["get", "list", "watch", "delete"]);
      expect(await wrongAccess(cluster, [account], needs)).toEqual([
        {
          kind: "access-excess",
          object: "ServiceAccount domino-compute/watcher",
          message: "may delete endpointslices.discovery.k8s.io",
        },
      ]);
    });

    test("nothing where rights and needs agree", async () => {
      await grant(["get", "list", "watch"]);
      expect(await wrongAccess(cluster, [account], needs)).toEqual([]);
    });
  });
});

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- broken on purpose, wherever it likes
type Changeable = any;
