import { beforeAll, describe, expect, test } from "vitest";
import { ProxyNetwork } from "../../../components/proxy/proxy-network.ts";
import { only, resourcesOf, type RecordedResource } from "../support/resources-of.ts";

describe("the network of the proxy", () => {
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    resources = await resourcesOf(
      () =>
        new ProxyNetwork("network", {
          namespace: "domino-inference-dev",
          labels: { "app.kubernetes.io/part-of": "domino-inference" },
          podLabels: { "app.kubernetes.io/name": "inference-proxy" },
          targets: [
            { namespace: "domino-inference-dev", labels: { engine: "tabular" }, ports: [8000] },
            { namespace: "llm", labels: { engine: "chat" }, ports: [9000, 9001] },
          ],
          requestPorts: [8443, 50051],
          metricsPort: 8081,
          asksDomino: true,
          addresses: [
            "http://keycloak-http.domino-platform.svc.cluster.local:80/certs",
            "http://collector.observability.svc:4318",
            "https://login.example.com/keys",
          ],
          discovers: true,
        }),
    );
  });
  const policy = (role: string) => only(resources, ":NetworkPolicy", `network-${role}`).inputs;
  const podSelector = { matchLabels: { "app.kubernetes.io/name": "inference-proxy" } };
  const namespaceNamed = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

  test("is three policies in the proxy's namespace, under names of their own", () => {
    const labels = { "app.kubernetes.io/part-of": "domino-inference" };
    expect(resources.filter(({ type }) => type.endsWith(":NetworkPolicy"))).toHaveLength(3);
    expect(policy("from-domino").metadata).toEqual({
      name: "inference-proxy-from-domino",
      namespace: "domino-inference-dev",
      labels,
    });
    expect(policy("to-upstreams").metadata).toEqual({
      name: "inference-proxy-to-upstreams",
      namespace: "domino-inference-dev",
      labels,
    });
  });

  test("lets Domino's runs in by HTTPS and gRPC, and nobody else", () => {
    expect(policy("from-domino").spec).toEqual({
      podSelector,
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ namespaceSelector: namespaceNamed("domino-compute") }],
          ports: [
            { protocol: "TCP", port: 8443 },
            { protocol: "TCP", port: 50051 },
          ],
        },
      ],
    });
  });

  test("lets Domino's Prometheus read the metrics, and nothing else of Domino's platform", () => {
    expect(policy("from-monitoring").spec).toEqual({
      podSelector,
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: namespaceNamed("domino-platform"),
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 8081 }],
        },
      ],
    });
  });

  test("lets the proxy out to each target's own pods and ports, and to what it asks and tells", () => {
    expect(policy("to-upstreams").spec).toEqual({
      podSelector,
      policyTypes: ["Egress"],
      egress: [
        {
          to: [
            {
              namespaceSelector: namespaceNamed("domino-inference-dev"),
              podSelector: { matchLabels: { engine: "tabular" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 8000 }],
        },
        {
          to: [
            {
              namespaceSelector: namespaceNamed("llm"),
              podSelector: { matchLabels: { engine: "chat" } },
            },
          ],
          ports: [
            { protocol: "TCP", port: 9000 },
            { protocol: "TCP", port: 9001 },
          ],
        },
        {
          to: [{ namespaceSelector: namespaceNamed("domino-platform") }],
          ports: [
            { protocol: "TCP", port: 80 },
            { protocol: "TCP", port: 9000 },
          ],
        },
        {
          to: [{ namespaceSelector: namespaceNamed("domino-platform") }],
          ports: [
            { protocol: "TCP", port: 80 },
            { protocol: "TCP", port: 8080 },
          ],
        },
        {
          to: [{ namespaceSelector: namespaceNamed("observability") }],
          ports: [{ protocol: "TCP", port: 4318 }],
        },
        {
          to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
          ports: [{ protocol: "TCP", port: 443 }],
        },
        {
          to: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].map((cidr) => ({
            ipBlock: { cidr },
          })),
          ports: [{ protocol: "TCP", port: 443 }],
        },
      ],
    });
  });

  test("lets a proxy that asks nobody out to its engines alone", async () => {
    const alone = await resourcesOf(
      () =>
        new ProxyNetwork("network", {
          namespace: "domino-inference-dev",
          labels: {},
          podLabels: {},
          targets: [{ namespace: "llm", labels: { engine: "chat" }, ports: [8000] }],
          requestPorts: [8443],
          metricsPort: 8081,
          asksDomino: false,
          addresses: [],
          discovers: false,
        }),
    );
    const { egress } = only(alone, ":NetworkPolicy", "network-to-upstreams").inputs.spec;
    expect(egress).toHaveLength(1);
    expect(egress[0].to[0].podSelector.matchLabels).toEqual({ engine: "chat" });
  });

  test.each([
    ["http://collector.observability.svc", "port 80 of plain HTTP", 80],
    ["https://collector.observability.svc", "port 443 of HTTPS", 443],
  ])("knows that %s means %s", async (address, _, port) => {
    const told = await resourcesOf(
      () =>
        new ProxyNetwork("network", {
          namespace: "domino-inference-dev",
          labels: {},
          podLabels: {},
          targets: [],
          requestPorts: [8443],
          metricsPort: 8081,
          asksDomino: false,
          addresses: [address],
          discovers: false,
        }),
    );
    expect(only(told, ":NetworkPolicy", "network-to-upstreams").inputs.spec.egress[0].ports).toEqual([
      { protocol: "TCP", port },
    ]);
  });

  test("belongs to the component, so that it goes with it", () => {
    const component = only(resources, ":ProxyNetwork");
    expect(component.type).toBe("domino-inference:proxy:ProxyNetwork");
    for (const resource of resources.filter(({ type }) => type.endsWith(":NetworkPolicy"))) {
      expect(resource.parent).toBe(component.urn);
    }
  });
});
