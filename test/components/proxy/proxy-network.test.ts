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
            { namespace: "domino-inference-dev", labels: { engine: "tabular" }, port: 8000 },
            { namespace: "llm", labels: { engine: "chat" }, port: 9000 },
          ],
        }),
    );
  });
  const policy = (role: string) => only(resources, ":NetworkPolicy", `network-${role}`).inputs;
  const podSelector = { matchLabels: { "app.kubernetes.io/name": "inference-proxy" } };
  const namespaceNamed = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

  test("is two policies in the proxy's namespace, under names of their own", () => {
    const labels = { "app.kubernetes.io/part-of": "domino-inference" };
    expect(resources.filter(({ type }) => type.endsWith(":NetworkPolicy"))).toHaveLength(2);
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

  test("lets Domino's runs in by HTTPS, and nobody else", () => {
    expect(policy("from-domino").spec).toEqual({
      podSelector,
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ namespaceSelector: namespaceNamed("domino-compute") }],
          ports: [{ protocol: "TCP", port: 8443 }],
        },
      ],
    });
  });

  test("lets the proxy out to each target's own pods and port, and to Domino's API", () => {
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
          ports: [{ protocol: "TCP", port: 9000 }],
        },
        {
          to: [{ namespaceSelector: namespaceNamed("domino-platform") }],
          ports: [
            { protocol: "TCP", port: 80 },
            { protocol: "TCP", port: 9000 },
          ],
        },
      ],
    });
  });

  test("belongs to the component, so that it goes with it", () => {
    const component = only(resources, ":ProxyNetwork");
    expect(component.type).toBe("domino-inference:proxy:ProxyNetwork");
    for (const resource of resources.filter(({ type }) => type.endsWith(":NetworkPolicy"))) {
      expect(resource.parent).toBe(component.urn);
    }
  });
});
