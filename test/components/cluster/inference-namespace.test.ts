import { beforeAll, describe, expect, test } from "vitest";
import { InferenceNamespace } from "../../../components/cluster/inference-namespace.ts";
import { only, recordingOf, type RecordedResource } from "../support/resources-of.ts";

describe("an inference namespace", () => {
  let resources: readonly RecordedResource[];
  let registeredOutputs: ReadonlyMap<string, unknown>;
  beforeAll(async () => {
    ({ resources, registeredOutputs } = await recordingOf(
      () =>
        new InferenceNamespace("space", {
          platform: "acme-dev",
          namespace: "domino-inference-dev",
          gpuCount: 5,
          podCount: 9,
          cpuMillis: 12_000,
          memoryMiB: 65_536,
        }),
    ));
  });

  test("carries Domino's label and refuses pods that are not restricted", () => {
    expect(only(resources, ":Namespace").inputs.metadata).toEqual({
      name: "domino-inference-dev",
      labels: {
        "app.kubernetes.io/name": "inference-namespace",
        "app.kubernetes.io/instance": "acme-dev",
        "app.kubernetes.io/component": "namespace",
        "app.kubernetes.io/part-of": "domino-inference",
        "app.kubernetes.io/managed-by": "pulumi",
        "domino-compute": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.34",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "latest",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "latest",
      },
    });
  });

  test("bounds GPUs, pods, CPU and memory, and forbids ways in from outside", () => {
    expect(only(resources, ":ResourceQuota").inputs.spec).toEqual({
      hard: {
        "requests.nvidia.com/gpu": "5",
        pods: "9",
        "requests.cpu": "12000m",
        "requests.memory": "65536Mi",
        "limits.cpu": "12000m",
        "limits.memory": "65536Mi",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
      },
    });
  });

  test("bounds slices of GPUs where there are any, by their own resource", async () => {
    const { resources: sliced } = await recordingOf(
      () =>
        new InferenceNamespace("space", {
          platform: "acme-dev",
          namespace: "domino-inference-dev",
          gpuCount: 0,
          sliceCounts: { "nvidia.com/mig-1g.10gb": 9 },
          podCount: 9,
          cpuMillis: 12_000,
          memoryMiB: 65_536,
        }),
    );
    expect(only(sliced, ":ResourceQuota").inputs.spec.hard).toMatchObject({
      "requests.nvidia.com/gpu": "0",
      "requests.nvidia.com/mig-1g.10gb": "9",
    });
  });

  test("names its quota and policies, in itself and under the platform's labels", () => {
    const labels = {
      "app.kubernetes.io/name": "inference-namespace",
      "app.kubernetes.io/instance": "acme-dev",
      "app.kubernetes.io/component": "namespace",
      "app.kubernetes.io/part-of": "domino-inference",
      "app.kubernetes.io/managed-by": "pulumi",
    };
    const inside = resources.filter(({ type }) => /ResourceQuota|NetworkPolicy/.test(type));
    expect(inside.map(({ name, inputs }) => [name, inputs.metadata])).toEqual([
      ["space-quota", { name: "inference-quota", namespace: "domino-inference-dev", labels }],
      ["space-allow-dns", { name: "allow-dns", namespace: "domino-inference-dev", labels }],
      ["space-default-deny", { name: "default-deny", namespace: "domino-inference-dev", labels }],
    ]);
  });

  test("belongs to the component, which says its name when it is complete", () => {
    const component = only(resources, ":InferenceNamespace");
    expect(component.type).toBe("domino-inference:cluster:InferenceNamespace");
    for (const { urn, parent } of resources) if (urn !== component.urn) expect(parent).toBe(component.urn);
    expect(only(resources, ":Namespace").name).toBe("space-namespace");
    expect(registeredOutputs.get(component.urn)).toEqual({ namespaceName: "domino-inference-dev" });
  });

  test("denies all traffic of all pods by default", () => {
    expect(only(resources, ":NetworkPolicy", "default-deny").inputs.spec).toEqual({
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
    });
  });

  test("lets all pods ask CoreDNS over UDP and TCP, and nobody else", () => {
    expect(only(resources, ":NetworkPolicy", "allow-dns").inputs.spec).toEqual({
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [
        {
          to: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
              podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
            },
          ],
          ports: [
            { protocol: "UDP", port: 53 },
            { protocol: "TCP", port: 53 },
          ],
        },
      ],
    });
  });

  test("creates quota and policies after the namespace", () => {
    const namespace = only(resources, ":Namespace").urn;
    for (const resource of resources.filter(({ type }) => /ResourceQuota|NetworkPolicy/.test(type))) {
      expect(resource.dependencies).toContain(namespace);
    }
  });
});
