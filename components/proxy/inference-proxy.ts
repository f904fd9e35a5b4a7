import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import { ConfigMap, Service, ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/index.js";
import type { core } from "@pulumi/kubernetes/types/input.js";
import { proxyPod } from "../../platform/plan/namespaces.ts";
import type { RoutingTable } from "../../platform/routes/routing-table.ts";
import { childOptions } from "../child-options.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";
import { recommendedLabels, selectorLabels } from "../labels.ts";
import { ProxyCertificate } from "./proxy-certificate.ts";
import { proxyIdentity, proxyPort, proxyServiceName, proxyTlsSecret, proxyUrl } from "./proxy-identity.ts";
import { ProxyNetwork, type ProxyTarget } from "./proxy-network.ts";

export interface InferenceProxyArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  readonly namespace: string;
  /** Image with an exact tag or digest. */
  readonly image: string;
  readonly replicas: number;
  /** What the proxy routes by. */
  readonly routes: RoutingTable;
  /** The engines' pods, for the network policy. */
  readonly targets: readonly ProxyTarget[];
  /**
   * Base URL of the Domino API that checks keys, from inside the cluster.
   * @default "http://nucleus-frontend.domino-platform:80"
   */
  readonly dominoHost?: string;
}

const routesConfigMap = "inference-routes";
/** An object of Kubernetes holds 1 MiB; the rest is for what is around the data. */
const routesMaxBytes = 1_000_000;
/** Time between removal from the endpoints and SIGTERM. */
const preStopSeconds = 10;
/** Enough for a connection that was opened at the last moment. */
const leastDrainSeconds = 25;
/** User of the pod: any that is not root does, the image owns nothing that it writes. */
const userId = 1000;

/** The one endpoint in front of all engines: TLS, authentication by Domino, routing by the plan. */
export class InferenceProxy extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  /** Secret whose `ca.crt` verifies the proxy. */
  readonly caSecret: pulumi.Output<string>;

  constructor(name: string, args: InferenceProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:InferenceProxy", name, {}, opts);
    const routes = JSON.stringify(args.routes, undefined, 2);
    const routesBytes = Buffer.byteLength(routes);
    if (routesBytes > routesMaxBytes) {
      throw new pulumi.InputPropertyError({
        propertyPath: "routes",
        reason: `the routing table has ${routesBytes} bytes, a ConfigMap holds ${routesMaxBytes}; split the platform into several stacks`,
      });
    }
    const child = childOptions(this, opts);
    const identity = proxyIdentity(args.platform, args.image);
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const metadata = { name: "inference-proxy", namespace: args.namespace, labels };

    const account = new ServiceAccount(
      `${name}-account`,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const configMap = new ConfigMap(
      `${name}-routes`,
      { metadata: { ...metadata, name: routesConfigMap }, data: { "routes.json": routes } },
      child,
    );
    const certificate = new ProxyCertificate(
      `${name}-certificate`,
      { namespace: args.namespace, labels },
      child,
    );
    const network = new ProxyNetwork(
      `${name}-network`,
      { namespace: args.namespace, labels, podLabels, targets: args.targets },
      child,
    );

    const drainSeconds = Math.max(leastDrainSeconds, longestRequestSeconds(args.routes));
    const graceSeconds = preStopSeconds + drainSeconds + 15;
    const deployment = new Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: args.replicas,
          selector: { matchLabels: podLabels },
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          revisionHistoryLimit: 3,
          template: {
            // No hash of the routes here: the proxy reads a changed table by itself, and a restart would break streams.
            metadata: {
              labels: {
                ...labels,
                // Domino's own NetworkPolicies admit only pods with this label to its API.
                "nucleus-client": "true",
              },
            },
            spec: {
              serviceAccountName: "inference-proxy",
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              terminationGracePeriodSeconds: graceSeconds,
              nodeSelector: { "dominodatalab.com/node-pool": "platform" },
              topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(
                (topologyKey) => ({
                  maxSkew: 1,
                  topologyKey,
                  whenUnsatisfiable: "ScheduleAnyway",
                  labelSelector: { matchLabels: podLabels },
                }),
              ),
              securityContext: {
                runAsNonRoot: true,
                runAsUser: userId,
                runAsGroup: userId,
                // Makes the key of the certificate readable for the user and nobody else.
                fsGroup: userId,
                seccompProfile: { type: "RuntimeDefault" },
              },
              containers: [proxyContainer(args, drainSeconds)],
              volumes: [
                { name: "routes", configMap: { name: routesConfigMap } },
                { name: "tls", secret: { secretName: proxyTlsSecret, defaultMode: 0o440 } },
                { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
              ],
            },
          },
        },
      },
      {
        ...child,
        dependsOn: [account, configMap, certificate, network],
        // Replicas leave one after the other, each as soon as its last stream has ended.
        customTimeouts: { create: "10m", update: `${600 + args.replicas * graceSeconds}s` },
      },
    );

    new Service(
      `${name}-service`,
      {
        metadata: { ...metadata, name: proxyServiceName },
        spec: {
          type: "ClusterIP",
          selector: podLabels,
          ports: [{ name: "https", port: proxyPort, targetPort: "https" }],
        },
      },
      // Pulumi waits for an endpoint: where the replicas fail, it would wait for nothing.
      { ...child, dependsOn: [deployment] },
    );
    new PodDisruptionBudget(
      `${name}-budget`,
      {
        metadata,
        // Not a minimum: of one replica that would forbid every eviction, and nodes could not be upgraded.
        spec: {
          maxUnavailable: 1,
          unhealthyPodEvictionPolicy: "AlwaysAllow",
          selector: { matchLabels: podLabels },
        },
      },
      child,
    );

    this.url = pulumi.output(proxyUrl(args.namespace));
    this.caSecret = certificate.secretName;
    this.registerOutputs({ url: this.url, caSecret: this.caSecret });
  }
}

function proxyContainer(args: InferenceProxyArgs, drainSeconds: number): core.v1.Container {
  const resources = { cpu: `${proxyPod.cpuMillis}m`, memory: `${proxyPod.memoryMiB}Mi` };
  const probe = (path: string): core.v1.Probe => ({
    httpGet: { path, port: "https", scheme: "HTTPS" },
    timeoutSeconds: 3,
  });
  return {
    name: "inference-proxy",
    image: args.image,
    imagePullPolicy: "IfNotPresent",
    args: [
      "--host",
      "0.0.0.0",
      "--port",
      String(proxyPort),
      "--routes",
      "/etc/inference/routes.json",
      "--tls-cert",
      "/etc/tls/tls.crt",
      "--tls-key",
      "/etc/tls/tls.key",
      "--auth",
      "domino",
      "--domino-host",
      args.dominoHost ?? `http://nucleus-frontend.${dominoNamespaces.platform}:80`,
      "--drain-seconds",
      String(drainSeconds),
    ],
    ports: [{ name: "https", containerPort: proxyPort }],
    resources: { requests: resources, limits: resources },
    startupProbe: { ...probe("/livez"), periodSeconds: 2, failureThreshold: 30 },
    livenessProbe: { ...probe("/livez"), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 5, failureThreshold: 2 },
    lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      // The folder, not the one file: a file mounted by subPath is never updated.
      { name: "routes", mountPath: "/etc/inference", readOnly: true },
      { name: "tls", mountPath: "/etc/tls", readOnly: true },
      { name: "scratch", mountPath: "/tmp" },
    ],
  };
}

function longestRequestSeconds(routes: RoutingTable): number {
  const timeouts = routes.servers.flatMap((server) =>
    server.models.flatMap((model) =>
      model.versions.flatMap((version) => version.targets.map((target) => target.timeoutMs)),
    ),
  );
  return Math.ceil(Math.max(0, ...timeouts) / 1000);
}
