import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { InferenceProxy } from "../../../components/proxy/inference-proxy.ts";
import { proxySchema } from "../../../platform/spec/proxy-schema.ts";
import type { RoutingTable } from "../../../platform/routes/routing-table.ts";
import { addProxyFlags, type ParsedFlags } from "../../../services/proxy/command-line/flags.ts";
import { proxySettingsOf } from "../../../services/proxy/command-line/proxy-settings.ts";
import { only, resourcesOf, type RecordedResource } from "../support/resources-of.ts";

const image = "registry/proxy:0.1.0";
const issuer = "https://domino.example.com/auth/realms/DominoRealm";

function routesTo(...hosts: readonly string[]): RoutingTable {
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Free"],
    servers: hosts.map((host) => ({
      name: host,
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
                  group: host,
                  serviceClasses: ["Free"],
                  endpoints: [`http://${host}:8000`],
                  discovery: "endpoint-slices",
                  timeoutMs: 60_000,
                },
              ],
            },
          ],
        },
      ],
    })),
  };
}

/** The resources of a proxy of which the spec says this. */
function deployed(said: object, routes: RoutingTable = routesTo()): Promise<readonly RecordedResource[]> {
  const proxy = proxySchema.parse({ image, ...said });
  return resourcesOf(
    () =>
      new InferenceProxy("proxy", { platform: "acme", namespace: "inference", proxy, routes, targets: [] }),
  );
}

const podOf = (resources: readonly RecordedResource[]) => only(resources, ":Deployment").inputs.spec.template;
const commandOf = (resources: readonly RecordedResource[]): string =>
  podOf(resources).spec.containers[0].args.join(" ");
const egressOf = (resources: readonly RecordedResource[]) =>
  only(resources, ":NetworkPolicy", "to-upstreams").inputs.spec.egress;

describe("a proxy of which the spec says", () => {
  test("jwt asks Domino's Keycloak for keys, and is let through to it, but not to Domino's API", async () => {
    const resources = await deployed({ auth: [{ kind: "jwt", issuer, audience: "inference" }] });
    expect(commandOf(resources)).toContain(
      "--auth jwt --jwks-url http://keycloak-http.domino-platform.svc.cluster.local:80/auth/realms/DominoRealm" +
        `/protocol/openid-connect/certs --jwt-issuer ${issuer} --jwt-audience inference --jwt-roles-claim user_groups`,
    );
    expect(commandOf(resources)).not.toContain("--domino-host");
    expect(podOf(resources).metadata.labels).toMatchObject({ "keycloak-client": "true" });
    expect(podOf(resources).metadata.labels).not.toHaveProperty("nucleus-client");
    expect(egressOf(resources)).toEqual([
      expect.objectContaining({
        ports: [
          { protocol: "TCP", port: 80 },
          { protocol: "TCP", port: 8080 },
        ],
      }),
    ]);
  });

  test("jwt of another issuer is no client of Domino's Keycloak", async () => {
    const jwksUrl = "https://login.example.com/keys";
    const resources = await deployed({
      auth: ["domino", { kind: "jwt", issuer, audience: "a", jwksUrl, rolesClaim: "roles" }],
    });
    expect(commandOf(resources)).toContain("--auth domino,jwt --domino-host");
    expect(commandOf(resources)).toContain(`--jwks-url ${jwksUrl}`);
    expect(commandOf(resources)).toContain("--jwt-roles-claim roles");
    expect(podOf(resources).metadata.labels).not.toHaveProperty("keycloak-client");
    expect(podOf(resources).metadata.labels).toMatchObject({ "nucleus-client": "true" });
  });

  test("tokens reads them from the key of a Secret, which its user alone may read", async () => {
    const resources = await deployed({
      auth: [{ kind: "token", secret: { name: "service-tokens", key: "tokens.yaml" } }],
    });
    expect(commandOf(resources)).toContain("--auth token --tokens-file /etc/inference-tokens/tokens ");
    const { volumes, containers } = podOf(resources).spec;
    expect(volumes).toContainEqual({
      name: "tokens",
      secret: {
        secretName: "service-tokens",
        items: [{ key: "tokens.yaml", path: "tokens" }],
        defaultMode: 0o440,
      },
    });
    expect(containers[0].volumeMounts).toContainEqual({
      name: "tokens",
      mountPath: "/etc/inference-tokens",
      readOnly: true,
    });
  });

  test("none lets everyone in, and asks nobody", async () => {
    const resources = await deployed({ auth: "none" });
    expect(commandOf(resources)).toContain("--auth none --audit");
    expect(egressOf(resources)).toEqual([]);
  });

  test("grpc listens and is reached on the port of gRPC too", async () => {
    const resources = await deployed({ grpc: true });
    expect(commandOf(resources)).toContain("--grpc-listen 0.0.0.0:50051");
    expect(podOf(resources).spec.containers[0].ports).toContainEqual({ name: "grpc", containerPort: 50_051 });
    expect(only(resources, ":Service").inputs.spec.ports).toEqual([
      { name: "https", port: 8443, targetPort: "https" },
      { name: "grpc", port: 50_051, targetPort: "grpc" },
    ]);
    expect(only(resources, ":NetworkPolicy", "from-domino").inputs.spec.ingress[0].ports).toEqual([
      { protocol: "TCP", port: 8443 },
      { protocol: "TCP", port: 50_051 },
    ]);
  });

  test("an endpoint of tracing sends spans there", async () => {
    const endpoint = "http://otel-collector.observability.svc:4318";
    const resources = await deployed({ tracing: { endpoint } });
    expect(commandOf(resources)).toContain("--tracing otlp");
    expect(podOf(resources).spec.containers[0].env).toContainEqual({
      name: "OTEL_EXPORTER_OTLP_ENDPOINT",
      value: endpoint,
    });
    expect(egressOf(resources).at(-1).ports).toEqual([{ protocol: "TCP", port: 4318 }]);
  });

  test("no audit writes no lines", async () => {
    expect(commandOf(await deployed({ audit: "none" }))).toContain("--audit none");
  });

  test("sizes requests them, and has room for the longest bodies beside them", async () => {
    const resources = await deployed({
      resources: { cpuMillis: 2_000, memory: "1Gi" },
      maxBody: "256MiB",
    });
    expect(podOf(resources).spec.containers[0].resources).toEqual({
      requests: { cpu: "2000m", memory: "1024Mi" },
      limits: { cpu: "2000m", memory: `${1024 + 64 + 8 * 256}Mi` },
    });
    expect(commandOf(resources)).toContain("--max-body-bytes 268435456");
    expect(podOf(resources).spec.containers[0].env[0].value).toContain("--max-old-space-size=768 ");
  });

  test("an issuer has its certificate signed there, and makes no authority", async () => {
    const resources = await deployed({
      certificate: { issuerRef: { name: "corporate", kind: "ClusterIssuer" } },
    });
    expect(resources.some(({ type }) => type.endsWith(":Issuer"))).toBe(false);
    const { spec } = only(resources, ":Certificate").inputs;
    expect(spec.issuerRef).toEqual({ group: "cert-manager.io", kind: "ClusterIssuer", name: "corporate" });
    expect(spec).toMatchObject({ secretName: "inference-proxy-tls", duration: "4320h", renewBefore: "360h" });
  });

  test("no number of replicas has two, and no autoscaler", async () => {
    const resources = await deployed({});
    expect(only(resources, ":Deployment").inputs.spec.replicas).toBe(2);
    expect(resources.some(({ type }) => type.endsWith(":HorizontalPodAutoscaler"))).toBe(false);
  });

  test("autoscaling begins with the fewest and leaves the number to the autoscaler", async () => {
    const resources = await deployed({ autoscaling: { minReplicas: 3, maxReplicas: 9, cpuPercent: 60 } });
    expect(only(resources, ":Deployment").inputs.spec.replicas).toBe(3);
    expect(only(resources, ":HorizontalPodAutoscaler").inputs.spec).toEqual({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "inference-proxy" },
      minReplicas: 3,
      maxReplicas: 9,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } },
        },
      ],
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: 300,
          policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
        },
      },
    });
  });
});

test("every argument of the fullest proxy is an option of its command, with a value that it takes", async () => {
  const resources = await deployed({
    auth: [
      "domino",
      { kind: "jwt", issuer, audience: "a" },
      { kind: "token", secret: { name: "t", key: "k" } },
    ],
    grpc: true,
    tracing: { endpoint: "http://otel:4318" },
  });
  const program = addProxyFlags(new Command()).exitOverride();
  program.parse(podOf(resources).spec.containers[0].args, { from: "user" });
  const settings = proxySettingsOf(program.opts<ParsedFlags>());
  expect(settings).toMatchObject({
    host: "0.0.0.0",
    port: 8443,
    metricsListen: { host: "0.0.0.0", port: 8081 },
    grpcListen: { host: "0.0.0.0", port: 50_051 },
    routesFile: "/etc/inference/routes.json",
    maxBodyBytes: 64 * 2 ** 20,
    audit: "json",
    tracing: "otlp",
    auth: {
      domino: { hostUrl: "http://nucleus-frontend.domino-platform/" },
      jwt: { issuer, audience: "a", rolesClaim: "user_groups" },
      token: { file: "/etc/inference-tokens/tokens" },
    },
  });
});

describe("a proxy whose engines are found by EndpointSlices", () => {
  const routes = routesTo(
    "a.inference.svc.cluster.local",
    "b.llm.svc.cluster.local",
    "c.llm.svc.cluster.local",
  );

  test("may see the pods behind Services in the engines' namespaces, and nothing else", async () => {
    const resources = await deployed({}, routes);
    const roles = resources.filter(({ type }) => type.endsWith(":Role"));
    expect(roles.map(({ inputs }) => [inputs.metadata.namespace, inputs.metadata.name])).toEqual([
      ["inference", "inference-proxy"],
      ["llm", "inference-proxy-of-inference"],
    ]);
    for (const role of roles) {
      expect(role.inputs.rules).toEqual([
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
        { apiGroups: [""], resources: ["services"], verbs: ["get"] },
      ]);
    }
    const bindings = resources.filter(({ type }) => type.endsWith(":RoleBinding"));
    expect(bindings.map(({ inputs }) => [inputs.metadata.namespace, inputs.roleRef.name])).toEqual([
      ["inference", "inference-proxy"],
      ["llm", "inference-proxy-of-inference"],
    ]);
    for (const binding of bindings) {
      expect(binding.inputs.subjects).toEqual([
        { kind: "ServiceAccount", name: "inference-proxy", namespace: "inference" },
      ]);
    }
  });

  test("has the token that the API server knows it by, and a way to it; its account gives it to no other pod", async () => {
    const resources = await deployed({}, routes);
    expect(podOf(resources).spec.automountServiceAccountToken).toBe(true);
    expect(only(resources, ":ServiceAccount").inputs.automountServiceAccountToken).toBe(false);
    expect(egressOf(resources).at(-1).ports).toEqual([{ protocol: "TCP", port: 443 }]);
  });

  test("has neither token nor role where addresses are said", async () => {
    const resources = await deployed({}, routesTo());
    expect(podOf(resources).spec.automountServiceAccountToken).toBe(false);
    expect(resources.some(({ type }) => type.endsWith(":Role"))).toBe(false);
  });
});
