import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { EndpointSliceDiscovery } from "../../../services/proxy/discovery/endpoint-slice-discovery.ts";
import { clusterNeed } from "../cluster.ts";
import { startControlPlane, type ControlPlane } from "../cluster/control-plane.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import { suite } from "../requires.ts";
import { ApiServerRelay } from "./api-server-relay.ts";
import { startSecondApiServer } from "./second-api-server.ts";

const namespace = "inference";
const url = "http://tabular.inference.svc.cluster.local:80";

const service: KubernetesObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "tabular", namespace },
  // No selector: the slices are the test's.
  spec: {
    ports: [
      { name: "http", port: 80, targetPort: 8_000 },
      { name: "grpc", port: 81, targetPort: 8_001 },
    ],
  },
};

/** What the proxy's account may do, and nothing else. */
const access: readonly KubernetesObject[] = [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "proxy", namespace } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "proxy", namespace },
    rules: [
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      { apiGroups: [""], resources: ["services"], verbs: ["get"] },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "proxy", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "proxy" },
    subjects: [{ kind: "ServiceAccount", name: "proxy", namespace }],
  },
];

type Conditions = Readonly<Record<"ready" | "serving" | "terminating", boolean>>;

const ready: Conditions = { ready: true, serving: true, terminating: false };
const terminating: Conditions = { ready: false, serving: true, terminating: true };

function slice(name: string, endpoints: Readonly<Record<string, Conditions>>): KubernetesObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": "tabular" } },
    addressType: "IPv4",
    endpoints: Object.entries(endpoints).map(([address, conditions]) => ({
      addresses: [address],
      conditions,
    })),
    ports: [
      { name: "http", port: 8_000 },
      { name: "grpc", port: 8_001 },
    ],
  };
}

suite("endpoints by watching a real API server", [clusterNeed()], () => {
  let controlPlane: ControlPlane;
  let relay: ApiServerRelay;
  let source: EndpointSliceDiscovery;
  const lists: (readonly string[])[] = [];

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    const { api, server, certificateAuthority } = controlPlane;
    await api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    for (const object of [service, ...access]) await api.apply(object);
    const { status } = await api.call("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/proxy/token`, {
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
    });
    relay = await ApiServerRelay.start(server, certificateAuthority);
    source = new EndpointSliceDiscovery({
      log: pino({ level: "silent" }),
      firstPauseMs: 50,
      access: {
        server: relay.url,
        certificateAuthority: async () => relay.certificate,
        token: async () => (status as { token: string }).token,
      },
    });
    source.follow(url, (addresses) => lists.push(addresses));
    await known();
  });

  beforeEach(async () => {
    const slices = await controlPlane.api.list("discovery.k8s.io/v1", "EndpointSlice", namespace);
    for (const one of slices) await controlPlane.api.remove(one);
    await known();
  });

  afterAll(async () => {
    source?.close();
    await relay?.close();
    await controlPlane?.stop();
  });

  /** Waits until these are the endpoints, given as the last parts of their addresses. */
  async function known(...hosts: readonly number[]): Promise<void> {
    const expected = JSON.stringify(hosts.map((host) => `http://10.0.0.${host}:8000`));
    await waitFor(async () => JSON.stringify(lists.at(-1)) === expected, {
      what: `the endpoints ${expected}`,
      timeoutMillis: 20_000,
      state: () => JSON.stringify(lists.at(-1)),
    });
  }

  test("follow slices as they come, change and go", async () => {
    const { api } = controlPlane;
    await api.apply(slice("a", { "10.0.0.1": ready, "10.0.0.2": { ...ready, ready: false } }));
    await known(1);
    await api.apply(slice("b", { "10.0.0.3": ready, "10.0.0.1": ready }));
    await known(1, 3);
    await api.apply(slice("a", { "10.0.0.1": ready, "10.0.0.2": ready }));
    await known(1, 2, 3);
    await api.apply(slice("b", { "10.0.0.3": terminating, "10.0.0.1": ready }));
    await known(1, 2);
    await api.remove(slice("a", {}));
    await known(1);
    await api.remove(slice("b", {}));
    await known();
  });

  test("miss nothing that changed while the connection was broken, without a new list", async () => {
    const { api } = controlPlane;
    await api.apply(slice("a", { "10.0.0.1": ready }));
    await known(1);
    const listed = relay.lists.length;
    const watched = relay.watches.length;
    relay.isReachable = false;
    relay.cutConnections();
    await api.apply(slice("a", { "10.0.0.2": ready }));
    await api.apply(slice("b", { "10.0.0.3": ready }));
    relay.isReachable = true;
    await known(2, 3);
    expect(relay.lists.length).toBe(listed);
    expect(relay.watches.length).toBeGreaterThan(watched);
    const from = relay.watches.map((path) =>
      Number(new URLSearchParams(path.split("?")[1]).get("resourceVersion")),
    );
    expect(from.at(-1)).toBeGreaterThan(0);
  });

  test("are listed anew where another API server does not know the resource version any more", async () => {
    const { api } = controlPlane;
    await api.apply(slice("a", { "10.0.0.1": ready }));
    await known(1);
    // Its last event is older than what the new one, which began with all of these, can tell.
    for (let host = 10; host < 20; host++) {
      await api.apply({
        ...slice("other", { [`10.0.0.${host}`]: ready }),
        metadata: { name: "other", namespace },
      });
    }
    const second = await startSecondApiServer(controlPlane);
    try {
      const listed = relay.lists.length;
      relay.upstream = second.server;
      relay.isReachable = false;
      relay.cutConnections();
      await api.apply(slice("a", { "10.0.0.4": ready }));
      relay.isReachable = true;
      await known(4);
      expect(relay.lists.length).toBe(listed + 1);
      expect(relay.expiries).toBe(1);
      await api.apply(slice("a", { "10.0.0.5": ready }));
      await known(5);
    } finally {
      relay.upstream = controlPlane.server;
      relay.cutConnections();
      await second.process.stop();
    }
  });

  test("need no more than to list and watch slices and to get Services", async () => {
    const { api } = controlPlane;
    const [role] = (await api.list(
      "rbac.authorization.k8s.io/v1",
      "Role",
      namespace,
    )) as readonly KubernetesObject[];
    expect(role?.["rules"]).toEqual(access[1]?.["rules"]);
    await api.apply(slice("a", { "10.0.0.5": ready }));
    // The port is that which the Service calls http, of two: the Service was read.
    await known(5);
  });
});
