import type { core } from "@pulumi/kubernetes/types/input.js";
import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import {
  frontendPod,
  plannerPod,
  type PodResources,
} from "../../../platform/engines/dynamo/graph-resources.ts";
import type { GraphPodBase, GraphVariable } from "../../../platform/engines/dynamo/graph-types.ts";
import { modelExpressUrl } from "../../../platform/engines/dynamo/model-express.ts";
import { dynamoModelOptions } from "../../../platform/engines/dynamo/model-options.ts";
import { dynamoProfile } from "../../../platform/engines/dynamo/profile.ts";
import { frontendImage, plannerImage } from "../../../platform/engines/dynamo/release.ts";
import { shutdownTimes } from "../../../platform/engines/dynamo/shutdown.ts";
import { workerEnvironment } from "../../../platform/engines/dynamo/worker-environment.ts";
import {
  graphModel,
  hubRepository,
  workerImage,
  workerSettings,
} from "../../../platform/engines/dynamo/worker-settings.ts";
import { frontendServiceName, graphName } from "../../../platform/engines/dynamo/graph-name.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { selectorLabels } from "../../labels.ts";
import type { Monitoring } from "../engine-args.ts";
import { enginePod, scaleUpDelay, type PodAdditions } from "../engine-pod.ts";
import { enginePriorityName } from "../engine-priorities.ts";
import type { ModelSource } from "../model-source.ts";
import { fetchedModels, hubFetchContainer } from "./hub-fetch.ts";
import { frontendIdentity, frontendPodLabels, plannerPodLabels, workerPodLabels } from "./graph-labels.ts";

export interface GraphPodsArgs {
  readonly platform: string;
  readonly platformNamespace: string;
  readonly engine: EnginePlan;
  readonly models: ModelSource;
  readonly monitoring: Monitoring;
}

/** What Pod Security restricted demands of a pod, as the images' own user. */
const restricted: core.v1.PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: dynamoProfile.runAs.userId,
  runAsGroup: dynamoProfile.runAs.groupId,
  seccompProfile: { type: "RuntimeDefault" },
};

/** What it demands of a container, and a root that nothing is written to. */
const confined: core.v1.SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Service account of a graph's frontends. */
export function frontendAccount(group: ReplicaGroupPlan): string {
  return frontendServiceName(graphName(group));
}

/** A worker's pod: every engine's, with what the operator fills in left out. */
export function workerPodBase(
  args: GraphPodsArgs,
  group: ReplicaGroupPlan,
  configDigest?: string,
): GraphPodBase {
  const { engine, models } = args;
  const own = workerEnvironment(engine, group);
  const template = enginePod({
    platform: args.platform,
    engine,
    group,
    profile: dynamoProfile,
    priorityClassName: enginePriorityName(args.platformNamespace, group),
    models,
    additions: {
      ...hubAdditions(engine, group, models),
      annotations: {
        // Workers drain for as long as their own longest request.
        ...scaleUpDelay(shutdownTimes(dynamoModelOptions(graphModel(group))).workerGraceSeconds),
        // A changed file alone changes no pod, and workers read it once.
        ...(configDigest === undefined ? {} : { "domino-inference/engine-config-digest": configDigest }),
      },
    },
  });
  const { containers, volumes, ...spec } = template.spec;
  const [{ resources, securityContext, imagePullPolicy, env, volumeMounts }] =
    known<[core.v1.Container]>(containers);
  return {
    labels: { ...template.metadata.labels, ...workerPodLabels(engine, group) },
    annotations: template.metadata.annotations as Readonly<Record<string, string>>,
    spec: {
      ...spec,
      // Workers tell the API server where they are, and whether they are ready.
      automountServiceAccountToken: true,
      volumes: withoutSharedMemory(known<core.v1.Volume[]>(volumes)),
    },
    container: {
      resources,
      securityContext,
      imagePullPolicy,
      volumeMounts: withoutSharedMemory(known<core.v1.VolumeMount[]>(volumeMounts)),
    },
    environment: known<GraphVariable[]>(env ?? []).filter(
      // A hub's token is for what fetches: a worker whose model is there needs none.
      ({ name }) => !Object.hasOwn(own, name) && !(name === "HF_TOKEN" && own["HF_HUB_OFFLINE"] === "1"),
    ),
  };
}

/** Lists that `enginePod` makes itself: their types allow for outputs, and only values in them are some. */
function known<T>(made: unknown): T {
  return made as T;
}

/** The operator makes it, of the size that the graph says. */
function withoutSharedMemory<T extends { readonly name: unknown }>(of: readonly T[]): readonly T[] {
  return of.filter(({ name }) => name !== "shared-memory");
}

/** Models of a hub are there before the worker starts, but for those that Model Express fetches. */
function hubAdditions(engine: EnginePlan, group: ReplicaGroupPlan, models: ModelSource): PodAdditions {
  const model = graphModel(group);
  const options = dynamoModelOptions(model);
  const repository = hubRepository(engine, model, options);
  const [version] = model.versions;
  if (repository === undefined || !version || modelExpressUrl(engine) !== undefined) return {};
  const token = models.kind === "hugging-face" ? models.tokenSecret : undefined;
  return {
    initContainers: [
      hubFetchContainer(
        {
          repository,
          revision: version.version,
          folder: workerSettings(engine, group).location,
          image: workerImage(engine, group),
          environment: token ? [{ name: "HF_TOKEN", valueFrom: { secretKeyRef: { ...token } } }] : [],
        },
        group,
      ),
    ],
    mounts: [{ ...fetchedModels, readOnly: true }],
  };
}

/** A frontend's pod: beside the proxy, on nodes without GPUs. */
export function frontendPodBase({ engine }: GraphPodsArgs, group: ReplicaGroupPlan): GraphPodBase {
  const image = frontendImage(dynamoEngineOptions(engine));
  return attendantPodBase({
    account: frontendAccount(group),
    labels: frontendPodLabels(group, image),
    spread: selectorLabels(frontendIdentity(group, image)),
    resources: frontendPod(dynamoModelOptions(graphModel(group))),
    environment: [],
  });
}

/** A planner's pod; the operator gives it an account that may scale the graph. */
export function plannerPodBase({ engine, monitoring }: GraphPodsArgs, group: ReplicaGroupPlan): GraphPodBase {
  const image = plannerImage(dynamoEngineOptions(engine));
  return attendantPodBase({
    labels: plannerPodLabels(group, image),
    resources: plannerPod,
    environment:
      monitoring.prometheus === undefined
        ? []
        : [{ name: "PROMETHEUS_ENDPOINT", value: monitoring.prometheus }],
  });
}

interface Attendant {
  /** Absent where the operator chooses it. */
  readonly account?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the pods that it spreads from. */
  readonly spread?: Readonly<Record<string, string>>;
  readonly resources: PodResources;
  readonly environment: readonly GraphVariable[];
}

function attendantPodBase({ account, labels, spread, resources, environment }: Attendant): GraphPodBase {
  const amounts = { cpu: `${resources.cpuMillis}m`, memory: `${resources.memoryMiB}Mi` };
  return {
    labels,
    spec: {
      ...(account === undefined ? {} : { serviceAccountName: account }),
      automountServiceAccountToken: true,
      enableServiceLinks: false,
      nodeSelector: { "dominodatalab.com/node-pool": "platform" },
      ...(spread
        ? {
            topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(
              (topologyKey) => ({
                maxSkew: 1,
                topologyKey,
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: spread },
              }),
            ),
          }
        : {}),
      securityContext: restricted,
      volumes: [{ name: "scratch", emptyDir: { sizeLimit: "2Gi" } }],
    },
    container: {
      imagePullPolicy: "IfNotPresent",
      resources: { requests: amounts, limits: amounts },
      securityContext: confined,
      volumeMounts: [{ name: "scratch", mountPath: "/tmp" }],
    },
    environment,
  };
}
