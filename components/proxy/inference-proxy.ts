import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import { HorizontalPodAutoscaler } from "@pulumi/kubernetes/autoscaling/v2/index.js";
import { ConfigMap, Service, ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/index.js";
import { PriorityClass } from "@pulumi/kubernetes/scheduling/v1/index.js";
import { defaultProxyReplicas, mostProxyReplicas } from "../../platform/plan/proxy-pod.ts";
import { serviceNamespace } from "../../platform/routes/cluster-address.ts";
import type { RouteTarget, RoutingTable } from "../../platform/routes/routing-table.ts";
import type { ProxySpec } from "../../platform/spec/proxy-schema.ts";
import { childOptions } from "../child-options.ts";
import { recommendedLabels, selectorLabels } from "../labels.ts";
import { ProxyAccess } from "./proxy-access.ts";
import { asksDomino, defaultDominoHost, jwtOf, proxyFiles } from "./proxy-arguments.ts";
import { ProxyCertificate } from "./proxy-certificate.ts";
import {
  proxyAccount,
  proxyGrpcPort,
  proxyIdentity,
  proxyMetricsPort,
  proxyPort,
  proxyServiceName,
  proxyUrl,
} from "./proxy-identity.ts";
import { isKeycloak, ProxyNetwork, type ProxyTarget } from "./proxy-network.ts";
import { proxyGraceSeconds, proxyPodSpec } from "./proxy-pod-spec.ts";

export interface InferenceProxyArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  readonly namespace: string;
  /** What the spec says of it. */
  readonly proxy: ProxySpec;
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
/** Enough for a connection that was opened at the last moment. */
const leastDrainSeconds = 25;
/** Above every replica of an engine: without the proxy none of them has work. */
const priorityValue = 100_000;

/** The one endpoint in front of all engines: TLS, authentication, routing by the plan. */
export class InferenceProxy extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;
  /** Secret whose `ca.crt` verifies the proxy. */
  readonly caSecret: pulumi.Output<string>;

  constructor(name: string, args: InferenceProxyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:InferenceProxy", name, {}, opts);
    const { namespace, proxy } = args;
    const routes = JSON.stringify(args.routes, undefined, 2);
    const routesBytes = Buffer.byteLength(routes);
    if (routesBytes > routesMaxBytes) {
      throw new pulumi.InputPropertyError({
        propertyPath: "routes",
        reason: `the routing table has ${routesBytes} bytes, a ConfigMap holds ${routesMaxBytes}; split the platform into several stacks`,
      });
    }
    const child = childOptions(this, opts);
    const identity = proxyIdentity(args.platform, proxy.image);
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const metadata = { name: "inference-proxy", namespace, labels };
    const engineNamespaces = discoveredNamespaces(args.routes);
    const jwt = jwtOf(proxy);

    const account = new ServiceAccount(
      `${name}-account`,
      { metadata: { ...metadata, name: proxyAccount }, automountServiceAccountToken: false },
      child,
    );
    const access = new ProxyAccess(`${name}-access`, { namespace, labels, engineNamespaces }, child);
    const configMap = new ConfigMap(
      `${name}-routes`,
      { metadata: { ...metadata, name: routesConfigMap }, data: { [proxyFiles.routes]: routes } },
      child,
    );
    const certificate = new ProxyCertificate(
      `${name}-certificate`,
      { namespace, labels, ...(proxy.certificate ?? {}) },
      child,
    );
    const network = new ProxyNetwork(
      `${name}-network`,
      {
        namespace,
        labels,
        podLabels,
        targets: args.targets,
        requestPorts: proxy.grpc ? [proxyPort, proxyGrpcPort] : [proxyPort],
        metricsPort: proxyMetricsPort,
        asksDomino: asksDomino(proxy),
        addresses: [...(jwt ? [jwt.jwksUrl] : []), ...(proxy.tracing ? [proxy.tracing.endpoint] : [])],
        discovers: engineNamespaces.length > 0,
      },
      child,
    );
    // Classes have no namespace, so the platform's begins the name.
    const priorityClass = `${namespace}-proxy`;
    const priority = new PriorityClass(
      `${name}-priority`,
      {
        metadata: { name: priorityClass, labels },
        description: `The proxy of ${args.platform}, before its engines.`,
        value: priorityValue,
        globalDefault: false,
        // It shares its nodes with Domino's own services, which it must not push off them.
        preemptionPolicy: "Never",
      },
      // A value cannot be changed, and pods keep the one that they were created with.
      { ...child, replaceOnChanges: ["value"], deleteBeforeReplace: true },
    );

    const drainSeconds = Math.max(leastDrainSeconds, longestRequestSeconds(args.routes));
    const deployment = new Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: proxy.autoscaling?.minReplicas ?? proxy.replicas ?? defaultProxyReplicas,
          selector: { matchLabels: podLabels },
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          revisionHistoryLimit: 3,
          template: {
            // No hash of the routes here: the proxy reads a changed table by itself, and a restart would break streams.
            metadata: {
              labels: {
                ...labels,
                // Domino's own NetworkPolicies admit only pods with these labels to its API and to its Keycloak.
                ...(asksDomino(proxy) ? { "nucleus-client": "true" } : {}),
                ...(jwt && isKeycloak(new URL(jwt.jwksUrl)) ? { "keycloak-client": "true" } : {}),
              },
            },
            spec: proxyPodSpec({
              proxy,
              podLabels,
              dominoHost: args.dominoHost ?? defaultDominoHost,
              priorityClass,
              routesConfigMap,
              discovers: engineNamespaces.length > 0,
              drainSeconds,
            }),
          },
        },
      },
      {
        ...child,
        dependsOn: [account, access, configMap, certificate, network, priority],
        // The number is what an autoscaler begins with: no update sets its own back.
        ...(proxy.autoscaling ? { ignoreChanges: ["spec.replicas"] } : {}),
        // Replicas leave one after the other, each as soon as its last stream has ended.
        customTimeouts: {
          create: "10m",
          update: `${600 + mostProxyReplicas(proxy) * proxyGraceSeconds(drainSeconds)}s`,
        },
      },
    );

    if (proxy.autoscaling) {
      const { minReplicas, maxReplicas, cpuPercent } = proxy.autoscaling;
      new HorizontalPodAutoscaler(
        `${name}-autoscaler`,
        {
          metadata,
          spec: {
            scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: metadata.name },
            minReplicas,
            maxReplicas,
            metrics: [
              {
                type: "Resource",
                resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
              },
            ],
            behavior: {
              // A replica that goes takes its share of the limits and of warm connections with it: one at a time.
              scaleDown: {
                stabilizationWindowSeconds: 300,
                policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
              },
            },
          },
        },
        { ...child, dependsOn: [deployment] },
      );
    }

    new Service(
      `${name}-service`,
      {
        metadata: { ...metadata, name: proxyServiceName },
        spec: {
          type: "ClusterIP",
          selector: podLabels,
          ports: [
            { name: "https", port: proxyPort, targetPort: "https" },
            ...(proxy.grpc ? [{ name: "grpc", port: proxyGrpcPort, targetPort: "grpc" }] : []),
          ],
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

/** Namespaces of the Services whose pods the proxy looks for. */
function discoveredNamespaces(routes: RoutingTable): string[] {
  const namespaces = targetsOf(routes)
    .filter(({ discovery }) => discovery === "endpoint-slices")
    .flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => serviceNamespace(new URL(endpoint)) ?? []));
  return [...new Set(namespaces)].toSorted();
}

function longestRequestSeconds(routes: RoutingTable): number {
  return Math.ceil(Math.max(0, ...targetsOf(routes).map(({ timeoutMs }) => timeoutMs)) / 1000);
}

function targetsOf(routes: RoutingTable): RouteTarget[] {
  return routes.servers.flatMap((server) =>
    server.models.flatMap((model) => model.versions.flatMap((version) => version.targets)),
  );
}
