import { beforeAll, describe, expect, test } from "vitest";
import { EngineNetwork, type EngineNetworkArgs } from "../../../components/engines/engine-network.ts";
import { only, resourcesOf, type RecordedResource } from "../support/resources-of.ts";

const args: EngineNetworkArgs = {
  group: "chat-premium",
  namespace: "llm",
  labels: { "app.kubernetes.io/part-of": "domino-inference" },
  podLabels: { "app.kubernetes.io/instance": "chat-premium" },
  apiPorts: [8000],
  metricsPort: 8002,
  proxy: { namespace: "domino-inference-dev", labels: { "app.kubernetes.io/name": "inference-proxy" } },
  models: {
    kind: "s3",
    roleArns: { "chat-premium": "arn:aws:iam::123456789012:role/chat" },
    bucket: "acme-models",
    prefix: "llm",
    region: "us-west-2",
    access: "stream",
  },
};

function policiesOf(change: Partial<EngineNetworkArgs> = {}): Promise<readonly RecordedResource[]> {
  return resourcesOf(() => new EngineNetwork("network", { ...args, ...change }));
}

describe("the network of a replica group", () => {
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    resources = await policiesOf();
  });
  const policy = (role: string) => only(resources, ":NetworkPolicy", `network-${role}`).inputs;

  test("is three policies for the group's pods, named after the group in its namespace", () => {
    const policies = resources.filter(({ type }) => type.endsWith(":NetworkPolicy"));
    expect(policies.map(({ name }) => name).sort()).toEqual([
      "network-from-monitoring",
      "network-from-proxy",
      "network-to-models",
    ]);
    for (const { name, inputs } of policies) {
      expect(inputs.metadata).toEqual({
        name: name.replace("network", "chat-premium"),
        namespace: "llm",
        labels: { "app.kubernetes.io/part-of": "domino-inference" },
      });
      expect(inputs.spec.podSelector).toEqual({
        matchLabels: { "app.kubernetes.io/instance": "chat-premium" },
      });
    }
  });

  test("lets the proxy's pods in by HTTP, and nobody else of their namespace or with their labels elsewhere", () => {
    expect(policy("from-proxy").spec).toMatchObject({
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "domino-inference-dev" } },
              podSelector: { matchLabels: { "app.kubernetes.io/name": "inference-proxy" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 8000 }],
        },
      ],
    });
  });

  test("lets Domino's Prometheus in by the port of metrics", () => {
    expect(policy("from-monitoring").spec).toMatchObject({
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "domino-platform" } },
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 8002 }],
        },
      ],
    });
  });

  test("lets engines out to HTTPS but not to the instance metadata, where models come from S3", () => {
    expect(policy("to-models").spec).toMatchObject({
      policyTypes: ["Egress"],
      egress: [
        {
          to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
          ports: [{ protocol: "TCP", port: 443 }],
        },
      ],
    });
  });

  test("lets engines out by NFS to the subnets of the file system only, where models come from a dataset", async () => {
    const mounted = await policiesOf({
      models: {
        kind: "volume",
        claimName: "models",
        path: "llm",
        fileSystem: { cidrs: ["10.0.0.0/19", "10.0.32.0/19"], ports: [{ port: 2049 }] },
      },
    });
    expect(only(mounted, ":NetworkPolicy", "network-to-models").inputs.spec).toMatchObject({
      policyTypes: ["Egress"],
      egress: [
        {
          to: [{ ipBlock: { cidr: "10.0.0.0/19" } }, { ipBlock: { cidr: "10.0.32.0/19" } }],
          ports: [{ protocol: "TCP", port: 2049 }],
        },
      ],
    });
  });

  test("belongs to the component, so that it goes with it", () => {
    const component = only(resources, ":EngineNetwork");
    expect(component.type).toBe("domino-inference:engines:EngineNetwork");
    for (const resource of resources.filter(({ type }) => type.endsWith(":NetworkPolicy"))) {
      expect(resource.parent).toBe(component.urn);
    }
  });
});
