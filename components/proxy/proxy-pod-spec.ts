import type { core } from "@pulumi/kubernetes/types/input.js";
import { proxyPod } from "../../platform/plan/proxy-pod.ts";
import type { ProxySpec } from "../../platform/spec/proxy-schema.ts";
import {
  proxyArguments,
  proxyEnvironment,
  proxyFiles,
  proxyFolders,
  tokenSecretOf,
} from "./proxy-arguments.ts";
import {
  proxyAccount,
  proxyGrpcPort,
  proxyMetricsPort,
  proxyPort,
  proxyTlsSecret,
} from "./proxy-identity.ts";

export interface ProxyPodArgs {
  readonly proxy: ProxySpec;
  /** Labels that the Deployment selects its pods by. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly dominoHost: string;
  readonly priorityClass: string;
  /** ConfigMap with the routing table. */
  readonly routesConfigMap: string;
  /** Whether it asks the API server for the pods of engines. */
  readonly discovers: boolean;
  /** Longest wait for requests in flight after SIGTERM. */
  readonly drainSeconds: number;
}

/** Time between removal from the endpoints and SIGTERM. */
const preStopSeconds = 10;
/** To write what is left of logs and spans. */
const exitSeconds = 15;
/** User of the pod: any that is not root does, the image owns nothing that it writes. */
const userId = 65_532;

/** Pod grace period: from the decision to remove a pod to the end of its last stream. */
export function proxyGraceSeconds(drainSeconds: number): number {
  return preStopSeconds + drainSeconds + exitSeconds;
}

/** One replica of the proxy. */
export function proxyPodSpec(args: ProxyPodArgs): core.v1.PodSpec {
  const tokens = tokenSecretOf(args.proxy);
  return {
    serviceAccountName: proxyAccount,
    automountServiceAccountToken: args.discovers,
    enableServiceLinks: false,
    priorityClassName: args.priorityClass,
    terminationGracePeriodSeconds: proxyGraceSeconds(args.drainSeconds),
    nodeSelector: { "dominodatalab.com/node-pool": "platform" },
    topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(
      (topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { ...args.podLabels } },
        // Counted among the pods of one version: those that leave in a rollout stand where no new one has to.
        matchLabelKeys: ["pod-template-hash"],
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
    containers: [container(args)],
    volumes: [
      { name: "routes", configMap: { name: args.routesConfigMap } },
      { name: "tls", secret: { secretName: proxyTlsSecret, defaultMode: 0o440 } },
      ...(tokens
        ? [
            {
              name: "tokens",
              secret: {
                secretName: tokens.name,
                items: [{ key: tokens.key, path: proxyFiles.tokens }],
                defaultMode: 0o440,
              },
            },
          ]
        : []),
    ],
  };
}

function container({ proxy, dominoHost, drainSeconds }: ProxyPodArgs): core.v1.Container {
  const pod = proxyPod(proxy);
  const quantities = ({ cpuMillis, memoryMiB }: typeof pod.limits): Record<string, string> => ({
    cpu: `${cpuMillis}m`,
    memory: `${memoryMiB}Mi`,
  });
  // Not by the port of requests: a kubelet would pay for TLS each time, and wait where clients hold all connections.
  const probe = (path: string): core.v1.Probe => ({ httpGet: { path, port: "metrics" }, timeoutSeconds: 3 });
  return {
    name: "inference-proxy",
    image: proxy.image,
    imagePullPolicy: "IfNotPresent",
    args: proxyArguments({ proxy, dominoHost, drainSeconds, maxBodyBytes: pod.maxBodyBytes }),
    env: proxyEnvironment(proxy, pod),
    ports: [
      { name: "https", containerPort: proxyPort },
      ...(proxy.grpc ? [{ name: "grpc", containerPort: proxyGrpcPort }] : []),
      { name: "metrics", containerPort: proxyMetricsPort },
    ],
    resources: { requests: quantities(pod.requests), limits: quantities(pod.limits) },
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
      { name: "routes", mountPath: proxyFolders.routes, readOnly: true },
      { name: "tls", mountPath: proxyFolders.tls, readOnly: true },
      ...(tokenSecretOf(proxy) ? [{ name: "tokens", mountPath: proxyFolders.tokens, readOnly: true }] : []),
    ],
  };
}
