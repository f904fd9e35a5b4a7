import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { beforeAll, describe, expect, test } from "vitest";
import { addonComponents, type AddonComponentsArgs } from "../../../components/addons/addon-components.ts";
import type { DynamoPlatformSettings } from "../../../components/addons/dynamo-platform-addon.ts";
import { installedPrometheus } from "../../../components/addons/prometheus-operator-addon.ts";
import { prometheusNamespace } from "../../../platform/scaling/prometheus-namespace.ts";
import { present } from "../support/present.ts";
import { Reachability } from "../support/reachability.ts";
import { createdAfter, only, resourcesOf } from "../support/resources-of.ts";
import { readsOf } from "./recorded-reads.ts";

const dynamo: DynamoPlatformSettings = { version: "1.3.1", nats: false };
const all = {
  keda: "install",
  leaderWorkerSet: "install",
  prometheusOperator: "install",
  dynamoPlatform: "install",
} as const;

const addons = (modes: AddonComponentsArgs["modes"], settings: DynamoPlatformSettings = dynamo) =>
  addonComponents({ platform: "acme", stage: "dev", modes, dynamo: settings }, {});

const names = {
  keda: "keda",
  leaderWorkerSet: "leader-worker-set",
  prometheusOperator: "prometheus-operator",
  dynamoPlatform: "dynamo-platform",
} as const;

async function releaseOf(name: keyof typeof names, settings: DynamoPlatformSettings = dynamo) {
  const resources = await resourcesOf(() => addons({ [name]: "install" }, settings));
  return {
    release: only(resources, ":Release", `${names[name]}-release`),
    namespace: only(resources, ":Namespace", `${names[name]}-namespace`),
  };
}

/** Every value under a key, however deep. */
function valuesUnder(key: string, value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === key ? [inner, ...valuesUnder(key, inner)] : valuesUnder(key, inner),
  );
}

test("a spec without add-ons makes nothing", async () => {
  expect(await resourcesOf(() => addons({}))).toEqual([]);
});

describe.each(Object.keys(names) as (keyof typeof names)[])("%s", (name) => {
  test("is installed at one version, in a namespace of its own, as a whole or not at all", async () => {
    const { release, namespace } = await releaseOf(name);
    expect(release.inputs.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(release.inputs.namespace).toBe(namespace.inputs.metadata.name);
    expect(release.inputs).toMatchObject({
      createNamespace: false,
      atomic: true,
      cleanupOnFail: true,
      waitForJobs: true,
      skipCrds: false,
      skipAwait: false,
      timeout: 900,
    });
    expect(release.timeouts).toEqual({ create: "960s", update: "960s", delete: "900s" });
    expect(release.dependencies).toContain(namespace.urn);
    const { chart, repositoryOpts } = release.inputs;
    if (repositoryOpts === undefined) expect(chart).toMatch(/^oci:\/\/.+\/.+/);
    else expect(repositoryOpts.repo).toMatch(/^https:\/\//);
  });

  test("has a namespace that refuses what its pods do not need", async () => {
    const { namespace } = await releaseOf(name);
    const { labels } = namespace.inputs.metadata;
    expect(labels["pod-security.kubernetes.io/enforce"]).toBe(
      name === "dynamoPlatform" ? "baseline" : "restricted",
    );
    expect(labels["pod-security.kubernetes.io/enforce-version"]).toMatch(/^v1\.\d+$/);
    expect(labels["app.kubernetes.io/part-of"]).toBe("domino-inference");
  });

  test("has a namespace in which nobody speaks with anybody but for a reason, before its first pod", async () => {
    const resources = await resourcesOf(() => addons({ [name]: "install" }));
    const { namespace } = await releaseOf(name);
    const policies = resources.filter(({ type }) => type.endsWith(":NetworkPolicy"));
    expect(policies.map(({ inputs }) => inputs.metadata.namespace)).toEqual(
      policies.map(() => namespace.inputs.metadata.name),
    );
    expect(only(resources, ":NetworkPolicy", "-default-deny").inputs.spec).toEqual({
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
    });
    const release = only(resources, ":Release");
    for (const { urn } of policies) expect(release.dependencies).toContain(urn);
  });

  test("stays off the nodes with GPUs", async () => {
    const { release } = await releaseOf(name, { ...dynamo, nats: true });
    const selectors = valuesUnder("nodeSelector", release.inputs.values);
    const affinities = valuesUnder("affinity", release.inputs.values);
    expect(selectors.length + affinities.length).toBeGreaterThan(0);
    for (const selector of selectors) expect(selector).toEqual({ "dominodatalab.com/node-pool": "platform" });
    for (const affinity of affinities) expect(JSON.stringify(affinity)).toContain('"values":["platform"]');
  });

  test("has its webhooks where Domino's control plane may reach nodes", async () => {
    const admitted = [443, 4443, 5443, 6443, 8080, 8443, 9443, 10250, 15017];
    const { values } = (await releaseOf(name)).release.inputs;
    const ports = {
      keda: [values.webhooks?.port, values.service?.portHttpsTarget],
      leaderWorkerSet: [values.service?.port],
      prometheusOperator: [values.prometheusOperator?.tls.internalPort],
      // The chart has no setting for it; its operator listens on 9443.
      dynamoPlatform: [9443],
    }[name];
    for (const port of ports) expect(admitted).toContain(port);
  });

  test("says how much its own pods may use", async () => {
    const { release } = await releaseOf(name);
    const resources = valuesUnder("resources", release.inputs.values);
    expect(resources.length).toBeGreaterThan(0);
    expect(valuesUnder("limits", resources).length).toBeGreaterThan(0);
  });

  test("names no image of a moving tag", async () => {
    const { release } = await releaseOf(name);
    for (const tag of valuesUnder("tag", release.inputs.values)) {
      expect(tag).toMatch(/^v?\d+\.\d+\.\d+$/);
    }
  });

  test("is read from the cluster and nothing else where others installed it", async () => {
    const { resources, reads } = await readsOf(() => addons({ [name]: "present" }));
    expect(resources.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
    expect(reads.length).toBeGreaterThan(0);
    for (const { type } of reads) expect(type).toMatch(/:CustomResourceDefinition$/);
  });

  test("is there before the first object of its kinds", async () => {
    const { resources, reads } = await readsOf(() => {
      const addon = present(addons({ [name]: "install" }).get(name));
      new CustomResource("first", { apiVersion: "test/v1", kind: "Custom" }, { dependsOn: [addon] });
    });
    const after = createdAfter(resources, only(resources, ":Custom"));
    expect(after).toContain(only(resources, ":Release").urn);
    for (const read of reads) expect([...after].join("\n")).toContain(`::${read.name}`);
  });
});

describe("the network of add-ons", () => {
  const pod = (namespace: string, labels: Readonly<Record<string, string>> = {}) => ({ namespace, labels });
  const prometheus = pod("monitoring", { "app.kubernetes.io/name": "prometheus" });
  const dns = pod("kube-system", { "k8s-app": "kube-dns" });
  let network: Reachability;

  beforeAll(async () => {
    network = new Reachability(await resourcesOf(() => addons(all, { ...dynamo, nats: true })));
  });

  test("lets the API server in at webhooks alone", () => {
    const apiServer = { address: "10.0.0.1" };
    expect(network.may(apiServer, pod("keda"), 9443)).toBe(true);
    expect(network.may(apiServer, pod("keda"), 6443)).toBe(true);
    expect(network.may(apiServer, pod("lws-system"), 9443)).toBe(true);
    expect(network.may(apiServer, pod("monitoring"), 10250)).toBe(true);
    expect(network.may(apiServer, pod("dynamo-system"), 9443)).toBe(true);
    expect(network.may(apiServer, prometheus, 9090)).toBe(false);
  });

  test("lets every add-on ask the API server and DNS, and none the instance's metadata", () => {
    for (const namespace of ["keda", "lws-system", "monitoring", "dynamo-system"]) {
      expect(network.may(pod(namespace), { address: "10.0.0.1" }, 443)).toBe(true);
      expect(network.may(pod(namespace), dns, 53, "UDP")).toBe(true);
      expect(network.may(pod(namespace), { address: "169.254.169.254" }, 443)).toBe(false);
      expect(network.may(pod(namespace), { address: "10.0.0.1" }, 80)).toBe(false);
    }
  });

  test("lets KEDA, Domino and planners ask Prometheus, and no run of a user", () => {
    const planner = pod("llm", { "app.kubernetes.io/component": "inference-planner" });
    for (const reader of [pod("keda"), pod("domino-platform"), planner]) {
      expect(network.may(reader, prometheus, 9090)).toBe(true);
    }
    expect(network.may(pod("domino-compute"), prometheus, 9090)).toBe(false);
    expect(network.may(planner, prometheus, 8080)).toBe(false);
  });

  test("lets Prometheus and KEDA ask pods, and operators none", () => {
    expect(network.may(prometheus, pod("llm"), 8000)).toBe(true);
    expect(network.may(pod("keda"), pod("elsewhere"), 9090)).toBe(true);
    expect(network.may(pod("lws-system"), pod("llm"), 8000)).toBe(false);
    expect(network.may(pod("dynamo-system"), pod("llm"), 8000)).toBe(false);
  });

  test("lets graphs publish their events where there is NATS", async () => {
    expect(network.may(pod("llm"), pod("dynamo-system"), 4222)).toBe(true);
    const without = new Reachability(await resourcesOf(() => addons(all)));
    expect(without.may(pod("llm"), pod("dynamo-system"), 4222)).toBe(false);
  });
});

describe("KEDA", () => {
  test("may scale what engines run as, and read no secret outside its namespace", async () => {
    const { values } = (await releaseOf("keda")).release.inputs;
    expect(values.rbac.scaledRefKinds).toEqual([
      { apiGroup: "leaderworkerset.x-k8s.io", kind: "leaderworkersets" },
      { apiGroup: "nvidia.com", kind: "dynamographdeploymentscalingadapters" },
    ]);
    expect(values.permissions.operator.restrict.secret).toBe(true);
  });

  test("leaves its definitions, and with them everybody's ScaledObjects, when it goes", async () => {
    const { values } = (await releaseOf("keda")).release.inputs;
    expect(values.crds).toEqual({
      install: true,
      additionalAnnotations: { "helm.sh/resource-policy": "keep" },
    });
  });
});

describe("Prometheus", () => {
  test("answers in the add-on's namespace, and sees every monitor of the cluster", async () => {
    const { release } = await releaseOf("prometheusOperator");
    expect(prometheusNamespace(installedPrometheus)).toBe(release.inputs.namespace);
    expect(release.inputs.values.prometheus.prometheusSpec).toMatchObject({
      podMonitorSelectorNilUsesHelmValues: false,
      serviceMonitorSelectorNilUsesHelmValues: false,
    });
  });

  test("comes without what Domino has already", async () => {
    const { values } = (await releaseOf("prometheusOperator")).release.inputs;
    for (const part of ["alertmanager", "grafana", "nodeExporter", "kubeStateMetrics", "kubelet"]) {
      expect(values[part]).toEqual({ enabled: false });
    }
  });
});

describe("the Dynamo platform", () => {
  const valuesOf = async (settings: Partial<DynamoPlatformSettings> = {}) =>
    (await releaseOf("dynamoPlatform", { ...dynamo, ...settings })).release.inputs.values;

  test("is of one version: chart and operator", async () => {
    const { release } = await releaseOf("dynamoPlatform");
    expect(release.inputs.version).toBe("1.3.1");
    const operator = release.inputs.values["dynamo-operator"];
    expect(operator.controllerManager.manager.image.tag).toBe("1.3.1");
    expect(operator.upgradeCRD).toBe(true);
  });

  test("finds workers by the API server, without etcd", async () => {
    const values = await valuesOf();
    expect(values["dynamo-operator"].discoveryBackend).toBe("kubernetes");
    expect(values.global.etcd).toEqual({ install: false });
  });

  test("has NATS only where it is needed, and then without a volume", async () => {
    const without = await valuesOf();
    expect(without.global.nats).toEqual({ install: false });
    expect(without.nats).toBeUndefined();
    const values = await valuesOf({ nats: true });
    expect(values.global.nats).toEqual({ install: true });
    expect(values.nats.config.jetstream.fileStore).toEqual({ enabled: false, pvc: { enabled: false } });
  });

  test.each([
    [undefined, false, false],
    ["leaderWorkerSet", true, false],
    ["grove", false, true],
  ] as const)("spans nodes by %s, which it never installs itself", async (multiNode, lws, grove) => {
    const { global } = await valuesOf(multiNode === undefined ? {} : { multiNode });
    expect(global.lws).toEqual({ install: false, enabled: lws });
    expect(global.grove).toEqual({ install: false, enabled: grove });
    expect(global["kai-scheduler"]).toEqual({ install: false, enabled: false });
  });

  test("makes monitors where the spec has them, and says so either way", async () => {
    const monitorsOf = async (settings: Partial<DynamoPlatformSettings>) =>
      (await valuesOf(settings))["dynamo-operator"].dynamo.metrics;
    expect(await monitorsOf({})).toEqual({
      prometheusEndpoint: "",
      podMonitors: { enabled: false, labels: {} },
    });
    const podMonitorLabels = { release: "kube-prometheus-stack" };
    expect(await monitorsOf({ prometheus: "http://p:9090", podMonitorLabels })).toEqual({
      prometheusEndpoint: "http://p:9090",
      podMonitors: { enabled: true, labels: podMonitorLabels },
    });
  });

  test("comes after the kinds that its chart and its operator make objects of", async () => {
    const resources = await resourcesOf(() => addons(all));
    const after = createdAfter(resources, only(resources, ":Release", "dynamo-platform-release"));
    expect(after).toContain(only(resources, ":Release", "prometheus-operator-release").urn);
    expect(after).toContain(only(resources, ":Release", "leader-worker-set-release").urn);
    expect(after).not.toContain(only(resources, ":Release", "keda-release").urn);
  });

  test("is not installed in no version", () =>
    expect(
      resourcesOf(() =>
        addonComponents({ platform: "acme", stage: "dev", modes: { dynamoPlatform: "install" } }, {}),
      ),
    ).rejects.toThrow("the Dynamo platform is to be installed, and nothing says in which version"));
});
