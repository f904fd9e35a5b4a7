import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import { Service, ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type { core } from "@pulumi/kubernetes/types/input.js";
import type { DynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import type { PodResources } from "../../../platform/engines/dynamo/graph-resources.ts";
import {
  modelExpressMetricsPort,
  modelExpressName,
  modelExpressPort,
} from "../../../platform/engines/dynamo/model-express.ts";
import { dynamoProfile } from "../../../platform/engines/dynamo/profile.ts";
import type { EnginePlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions } from "../../child-options.ts";
import { imageVersion, recommendedLabels, selectorLabels } from "../../labels.ts";
import type { ModelSource } from "../model-source.ts";
import { engineComponentLabel } from "./graph-labels.ts";

type Install = Extract<
  NonNullable<DynamoEngineOptions["modelExpress"]>,
  { readonly install: unknown }
>["install"];

export interface ModelExpressServerArgs {
  readonly engine: EnginePlan;
  readonly settings: Install;
  readonly resources: PodResources;
  /** Where the models come from: a hub may ask for a token. */
  readonly models: ModelSource;
}

const cacheFolder = "/cache";

/**
 * An engine's own Model Express: knows which worker has which weights, and fetches models of a hub once for all. Its
 * cache goes with its pod, since what is in it can be fetched again.
 */
export class ModelExpressServer extends pulumi.ComponentResource {
  constructor(name: string, args: ModelExpressServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:ModelExpressServer", name, {}, opts);
    const { engine, settings } = args;
    const child = childOptions(this, opts);
    const objectName = modelExpressName(engine);
    const identity = {
      name: "model-express",
      instance: engine.name,
      component: "model-express",
      ...imageVersion(settings.image),
    };
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const metadata = { name: objectName, namespace: engine.namespace, labels };

    const account = new ServiceAccount(
      `${name}-account`,
      { metadata, automountServiceAccountToken: false },
      child,
    );
    const network = new NetworkPolicy(
      `${name}-network`,
      {
        metadata,
        spec: {
          podSelector: { matchLabels: podLabels },
          policyTypes: ["Ingress", "Egress"],
          ingress: [
            {
              from: [{ podSelector: { matchLabels: engineComponentLabel } }],
              ports: [{ protocol: "TCP", port: modelExpressPort }],
            },
          ],
          egress: [
            // The hub and its content network, which have no fixed addresses; not the metadata, which hand out a role.
            {
              to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
              ports: [{ protocol: "TCP", port: 443 }, ...redisPorts(settings)],
            },
            { to: [{ namespaceSelector: {} }], ports: redisPorts(settings) },
          ],
        },
      },
      child,
    );
    const deployment = new Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: podLabels },
          // Two at once would each fetch every model.
          strategy: { type: "Recreate" },
          revisionHistoryLimit: 3,
          template: { metadata: { labels }, spec: serverPod(args, objectName) },
        },
      },
      { ...child, dependsOn: [account, network] },
    );
    new Service(
      `${name}-service`,
      {
        metadata,
        spec: {
          type: "ClusterIP",
          selector: podLabels,
          ports: [{ name: "grpc", port: modelExpressPort, targetPort: "grpc" }],
        },
      },
      { ...child, dependsOn: [deployment] },
    );
    this.registerOutputs({});
  }
}

function serverPod(
  { settings, resources, models }: ModelExpressServerArgs,
  account: string,
): core.v1.PodSpec {
  const amounts = { cpu: `${resources.cpuMillis}m`, memory: `${resources.memoryMiB}Mi` };
  const probe: core.v1.Probe = { tcpSocket: { port: "grpc" }, timeoutSeconds: 3 };
  const token = models.kind === "hugging-face" ? models.tokenSecret : undefined;
  return {
    serviceAccountName: account,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    nodeSelector: { "dominodatalab.com/node-pool": "platform" },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: dynamoProfile.runAs.userId,
      runAsGroup: dynamoProfile.runAs.groupId,
      fsGroup: dynamoProfile.runAs.userId,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "model-express",
        image: settings.image,
        imagePullPolicy: "IfNotPresent",
        env: [
          { name: "HOME", value: "/tmp" },
          { name: "MODEL_EXPRESS_SERVER_PORT", value: String(modelExpressPort) },
          { name: "MODEL_EXPRESS_SERVER_METRICS_PORT", value: String(modelExpressMetricsPort) },
          { name: "MODEL_EXPRESS_CACHE_DIRECTORY", value: cacheFolder },
          { name: "HF_HUB_CACHE", value: cacheFolder },
          // Without a place for its records the server ends as soon as it starts.
          { name: "MX_METADATA_BACKEND", value: "redis" },
          redisVariable(settings),
          ...(token ? [{ name: "HF_TOKEN", valueFrom: { secretKeyRef: { ...token } } }] : []),
        ],
        ports: [
          { name: "grpc", containerPort: modelExpressPort },
          { name: "metrics", containerPort: modelExpressMetricsPort },
        ],
        resources: { requests: amounts, limits: amounts },
        startupProbe: { ...probe, periodSeconds: 5, failureThreshold: 24 },
        livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
        readinessProbe: { ...probe, periodSeconds: 5, failureThreshold: 2 },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
          { name: "scratch", mountPath: "/tmp" },
          { name: "cache", mountPath: cacheFolder },
        ],
      },
    ],
    volumes: [
      { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
      { name: "cache", emptyDir: { sizeLimit: `${Math.ceil(settings.cache)}Gi` } },
    ],
  };
}

function redisVariable({ redis }: Install): core.v1.EnvVar {
  return typeof redis === "string"
    ? { name: "REDIS_URL", value: redis }
    : { name: "REDIS_URL", valueFrom: { secretKeyRef: { ...redis.secret } } };
}

const defaultRedisPort = 6_379;

/** An address in a Secret is not read here: it has Redis' own port. */
function redisPorts({ redis }: Install): { readonly protocol: "TCP"; readonly port: number }[] {
  const port = typeof redis === "string" ? new URL(redis).port : "";
  return [{ protocol: "TCP", port: port === "" ? defaultRedisPort : Number(port) }];
}
