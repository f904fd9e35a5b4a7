import { beforeAll, describe, expect, test } from "vitest";
import { InferenceProxy, type InferenceProxyArgs } from "../../../components/proxy/inference-proxy.ts";
import type { ProxySpec } from "../../../platform/spec/proxy-schema.ts";
import type { RoutingTable } from "../../../platform/routes/routing-table.ts";
import {
  createdAfter,
  only,
  recordingOf,
  resourcesOf,
  type RecordedResource,
} from "../support/resources-of.ts";
import { present } from "../support/present.ts";

const routes: RoutingTable = {
  apiVersion: "domino-inference/v1",
  kind: "RoutingTable",
  serviceClasses: ["Free"],
  servers: [
    {
      name: "tabular",
      type: "triton",
      protocol: "open-inference-v2",
      loading: "preload",
      models: [
        {
          name: "bert",
          versions: [
            {
              version: "1",
              weight: 100,
              targets: [
                {
                  group: "tabular",
                  serviceClasses: ["Free"],
                  endpoints: ["http://tabular.domino-inference-dev.svc.cluster.local:8000"],
                  timeoutMs: 60_000,
                },
              ],
            },
          ],
        },
      ],
    },
  ],
};
const proxy: ProxySpec = {
  image: "registry/proxy:0.1.0",
  replicas: 3,
  auth: ["domino"],
  grpc: false,
  audit: "json",
};
const args: InferenceProxyArgs = {
  platform: "acme-dev",
  namespace: "domino-inference-dev",
  proxy,
  routes,
  targets: [
    { namespace: "domino-inference-dev", labels: { "app.kubernetes.io/instance": "tabular" }, ports: [8000] },
  ],
};

describe("the inference proxy", () => {
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    resources = await resourcesOf(() => new InferenceProxy("proxy", args));
  });
  const deployment = () => only(resources, ":Deployment").inputs;
  const pod = () => deployment().spec.template.spec;
  const container = () => pod().containers[0];

  test("is started with its routes, its certificate and Domino as the judge of keys", () => {
    expect(container().args.join(" ")).toBe(
      "--listen 0.0.0.0:8443 --metrics-listen 0.0.0.0:8081 --routes /etc/inference/routes.json " +
        "--tls-cert /etc/tls/tls.crt --tls-key /etc/tls/tls.key " +
        "--auth domino --domino-host http://nucleus-frontend.domino-platform:80 " +
        "--audit json --tracing none --max-body-bytes 67108864 --drain-seconds 60",
    );
  });

  test("runs the wanted replicas on Domino's platform nodes, spread over nodes and zones, without a gap in a rollout", () => {
    expect(deployment().spec.replicas).toBe(3);
    expect(deployment().spec.strategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    });
    expect(pod().nodeSelector).toEqual({ "dominodatalab.com/node-pool": "platform" });
    expect(pod().topologySpreadConstraints.map((one: { topologyKey: string }) => one.topologyKey)).toEqual([
      "kubernetes.io/hostname",
      "topology.kubernetes.io/zone",
    ]);
  });

  test("has the label that Domino's own policies ask of those who call its API, on its pods only", () => {
    expect(deployment().spec.template.metadata.labels["nucleus-client"]).toBe("true");
    expect(deployment().spec.selector.matchLabels).not.toHaveProperty("nucleus-client");
  });

  test("reads the routing table from a mounted folder and is not restarted when it changes", async () => {
    expect(JSON.parse(only(resources, ":ConfigMap").inputs.data["routes.json"])).toEqual(routes);
    expect(pod().volumes).toContainEqual({ name: "routes", configMap: { name: "inference-routes" } });
    expect(container().volumeMounts).toContainEqual({
      name: "routes",
      mountPath: "/etc/inference",
      readOnly: true,
    });
    const changed = await resourcesOf(
      () => new InferenceProxy("proxy", { ...args, routes: { ...routes, servers: [] } }),
    );
    expect(only(changed, ":Deployment").inputs.spec.template.metadata).toEqual(
      deployment().spec.template.metadata,
    );
    expect(only(changed, ":ConfigMap").inputs.metadata.name).toBe("inference-routes");
  });

  test("has its Service made after its replicas, since Pulumi would wait for endpoints of those that failed", () => {
    const before = createdAfter(resources, only(resources, ":Service"));
    expect(before).toContain(only(resources, ":Deployment").urn);
  });

  test("is probed by the port of its metrics, which no client can keep busy", () => {
    expect(container().livenessProbe.httpGet).toEqual({ path: "/livez", port: "metrics" });
    expect(container().readinessProbe.httpGet).toEqual({ path: "/readyz", port: "metrics" });
    expect(container().startupProbe.httpGet).toEqual({ path: "/livez", port: "metrics" });
    expect(container().ports).toEqual([
      { name: "https", containerPort: 8443 },
      { name: "metrics", containerPort: 8081 },
    ]);
  });

  test("is confined as Pod Security restricted demands, and may read its key without being root", () => {
    expect(pod().securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container().securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod().volumes).toContainEqual({
      name: "tls",
      secret: { secretName: "inference-proxy-tls", defaultMode: 0o440 },
    });
    expect(pod().automountServiceAccountToken).toBe(false);
    expect(only(resources, ":ServiceAccount").inputs.automountServiceAccountToken).toBe(false);
  });

  test("requests what it needs, may use what bodies take, and keeps its heap within", () => {
    expect(container().resources).toEqual({
      requests: { cpu: "200m", memory: "256Mi" },
      limits: { cpu: "1500m", memory: "832Mi" },
    });
    expect(container().env).toEqual([
      { name: "NODE_OPTIONS", value: "--max-old-space-size=192 --max-semi-space-size=4" },
    ]);
  });

  test("writes nowhere: every volume is mounted to be read", () => {
    for (const mount of container().volumeMounts) expect(mount.readOnly).toBe(true);
    expect(pod().volumes.some((volume: object) => "emptyDir" in volume)).toBe(false);
  });

  test("is placed before engines, and pushes nobody off Domino's nodes", () => {
    const priority = only(resources, ":PriorityClass").inputs;
    expect(priority).toMatchObject({
      metadata: { name: "domino-inference-dev-proxy" },
      value: 100_000,
      preemptionPolicy: "Never",
    });
    expect(pod().priorityClassName).toBe("domino-inference-dev-proxy");
  });

  test("finishes its longest request before it stops", () => {
    expect(container().lifecycle).toEqual({ preStop: { sleep: { seconds: 10 } } });
    expect(pod().terminationGracePeriodSeconds).toBe(10 + 60 + 15);
  });

  test("has time to drain even where no request is long", async () => {
    const idle = await resourcesOf(
      () => new InferenceProxy("proxy", { ...args, routes: { ...routes, servers: [] } }),
    );
    const { spec } = only(idle, ":Deployment").inputs.spec.template;
    expect(spec.containers[0].args.slice(-2)).toEqual(["--drain-seconds", "25"]);
    expect(spec.terminationGracePeriodSeconds).toBe(10 + 25 + 15);
  });

  test("is reached at the reference deployment's Service name", () => {
    expect(only(resources, ":Service").inputs).toMatchObject({
      metadata: { name: "inference-proxy-service", namespace: "domino-inference-dev" },
      spec: { type: "ClusterIP", ports: [{ name: "https", port: 8443, targetPort: "https" }] },
    });
  });

  test("loses one replica at a time, and the only one rather than block a node's upgrade", () => {
    expect(only(resources, ":PodDisruptionBudget").inputs.spec.maxUnavailable).toBe(1);
  });

  test("gets its certificate from an authority of its own, whose ca.crt clients can keep", () => {
    expect(only(resources, ":Issuer", "self-signed").inputs.spec).toEqual({ selfSigned: {} });
    expect(only(resources, ":Certificate", "authority").inputs.spec).toEqual({
      isCA: true,
      commonName: "domino-inference-dev inference proxy CA",
      secretName: "inference-proxy-ca",
      duration: "43800h",
      renewBefore: "8760h",
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Never" },
      issuerRef: { group: "cert-manager.io", kind: "Issuer", name: "inference-proxy-self-signed" },
    });
    expect(only(resources, ":Issuer", "certificate-issuer").inputs.spec).toEqual({
      ca: { secretName: "inference-proxy-ca" },
    });
    expect(only(resources, ":Certificate", "serving").inputs.spec).toEqual({
      secretName: "inference-proxy-tls",
      duration: "4320h",
      renewBefore: "360h",
      dnsNames: [
        "inference-proxy-service",
        "inference-proxy-service.domino-inference-dev",
        "inference-proxy-service.domino-inference-dev.svc",
        "inference-proxy-service.domino-inference-dev.svc.cluster.local",
      ],
      usages: ["server auth"],
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
      issuerRef: { group: "cert-manager.io", kind: "Issuer", name: "inference-proxy-ca" },
    });
  });

  test("waits until cert-manager has made each link of the chain", () => {
    const chain = resources.filter(({ type }) => type.startsWith("kubernetes:cert-manager.io"));
    expect(chain).toHaveLength(4);
    for (const link of chain) {
      expect(link.inputs.metadata.annotations).toEqual({ "pulumi.com/waitFor": "condition=Ready" });
    }
    const { dependencies } = only(resources, ":Deployment");
    expect(dependencies).toContain(only(resources, ":Certificate", "serving").urn);
    expect(dependencies).toContain(only(resources, ":NetworkPolicy", "from-domino").urn);
  });

  test("tells where it is and by which secret to verify it", async () => {
    const { result } = await recordingOf(() => new InferenceProxy("proxy", args));
    const values = await new Promise((resolve) =>
      result.url.apply((url) => result.caSecret.apply((secret) => resolve([url, secret]))),
    );
    expect(values).toEqual([
      "https://inference-proxy-service.domino-inference-dev.svc.cluster.local:8443",
      "inference-proxy-tls",
    ]);
  });

  test("refuses a routing table that no ConfigMap holds, with both sizes", async () => {
    const [server] = routes.servers;
    const servers = Array.from({ length: 4000 }, (_, index) => ({
      ...present(server),
      name: `tabular-${index}`,
    }));
    await expect(
      resourcesOf(() => new InferenceProxy("proxy", { ...args, routes: { ...routes, servers } })),
    ).rejects.toMatchObject({
      propertyPath: "routes",
      reason: expect.stringMatching(/has \d+ bytes, .* 1000000/),
    });
  });
});
