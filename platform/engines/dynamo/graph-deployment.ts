import type { EnginePlan, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { compareText } from "../../../optimizer/text-order.ts";
import {
  engineConfigFile,
  writtenConfigKey,
  writtenConfigName,
  type EngineConfigFile,
} from "./engine-config.ts";
import { dynamoEngineOptions, type DynamoEngineOptions } from "./engine-options.ts";
import { frontendArguments, frontendCommand, frontendEnvironment } from "./frontend-arguments.ts";
import { frontendProbes } from "./frontend-probes.ts";
import { graphName, workerComponent } from "./graph-name.ts";
import type {
  DynamoGraphDeployment,
  GraphComponent,
  GraphPodBase,
  GraphVariable,
  MainContainer,
} from "./graph-types.ts";
import { dynamoModelOptions, type DynamoModelOptions } from "./model-options.ts";
import { plannerConfig, plannerMetricsPort } from "./planner-config.ts";
import { frontendImage, plannerImage } from "./release.ts";
import { shutdownTimes } from "./shutdown.ts";
import { workerArguments, workerCommands } from "./worker-arguments.ts";
import { workerEnvironment } from "./worker-environment.ts";
import { workerProbes } from "./worker-probes.ts";
import { graphModel, workerImage, workerSettings } from "./worker-settings.ts";

export interface GraphInput {
  readonly engine: EnginePlan;
  /** The groups of one model: one, or one of each role. */
  readonly groups: readonly ReplicaGroupPlan[];
  readonly labels: Readonly<Record<string, string>>;
  readonly pods: {
    readonly frontend: GraphPodBase;
    readonly worker: (group: ReplicaGroupPlan) => GraphPodBase;
    readonly planner: GraphPodBase;
  };
}

/** The graph of one model: frontends, workers of one or two kinds, and a planner where the model has one. */
export function graphDeployment({ engine, groups, labels, pods }: GraphInput): DynamoGraphDeployment {
  const sorted = groups.toSorted((a, b) => compareText(workerComponent(a), workerComponent(b)));
  const [first] = sorted;
  if (!first) throw new RangeError(`a graph of engine "${engine.name}" has no workers`);
  const model = dynamoModelOptions(graphModel(first));
  const release = dynamoEngineOptions(engine);
  const multiNode = sorted.some(({ nodesPerReplica }) => nodesPerReplica > 1);
  return {
    apiVersion: "nvidia.com/v1beta1",
    kind: "DynamoGraphDeployment",
    metadata: {
      name: graphName(first),
      namespace: engine.namespace,
      labels,
      annotations: graphAnnotations(release, multiNode),
    },
    spec: {
      backendFramework: model.backend.type,
      components: [
        frontendComponent(model, release, pods.frontend),
        ...sorted.map((group) => workerComponentOf(engine, group, pods.worker(group))),
        ...(model.planner ? [plannerComponent(model, release, sorted, pods.planner)] : []),
      ],
    },
  };
}

function graphAnnotations(
  { multiNode: starter }: DynamoEngineOptions,
  multiNode: boolean,
): Record<string, string> {
  // Grove takes every graph where it is installed. Without it the operator replaces workers itself, and keeps those of one
  // release from talking to those of another.
  return multiNode && starter === "grove" ? {} : { "nvidia.com/enable-grove": "false" };
}

function workerAnnotations(
  { nodesPerReplica }: ReplicaGroupPlan,
  { backend }: DynamoModelOptions,
): Record<string, string> {
  return {
    // GPUs for a surplus replica are nowhere: its predecessor leaves first.
    "nvidia.com/deployment-rolling-update-max-surge": "0",
    "nvidia.com/deployment-rolling-update-max-unavailable": "1",
    // With processes of its own vLLM waits for its first node in a container that Pod Security restricted refuses.
    ...(nodesPerReplica > 1 && backend.type === "vllm"
      ? { "nvidia.com/vllm-distributed-executor-backend": "ray" }
      : {}),
  };
}

function frontendComponent(
  model: DynamoModelOptions,
  release: DynamoEngineOptions,
  base: GraphPodBase,
): GraphComponent {
  const times = shutdownTimes(model);
  return {
    name: "Frontend",
    type: "frontend",
    replicas: model.frontend.replicas,
    sharedMemorySize: "0",
    podTemplate: {
      metadata: { labels: base.labels, annotations: { ...base.annotations } },
      spec: {
        ...base.spec,
        terminationGracePeriodSeconds: times.frontendGraceSeconds,
        containers: [
          {
            ...mainContainer(base, frontendEnvironment(model, release)),
            image: frontendImage(release),
            command: frontendCommand,
            args: frontendArguments(model),
            ...frontendProbes(),
            lifecycle: { preStop: { sleep: { seconds: times.frontendPreStopSeconds } } },
          },
        ],
      },
    },
  };
}

function workerComponentOf(engine: EnginePlan, group: ReplicaGroupPlan, base: GraphPodBase): GraphComponent {
  const model = dynamoModelOptions(graphModel(group));
  const settings = workerSettings(engine, group);
  const config = engineConfigFile(model, settings);
  const mount = configMount(config, group);
  const name = workerComponent(group);
  const planned = group.replicasOwner === "plan" && model.planner === undefined;
  return {
    name,
    type: name,
    // The operator starts one where it is told none.
    ...(planned ? { replicas: group.replicas } : { scalingAdapter: {} }),
    ...(group.nodesPerReplica > 1 ? { multinode: { nodeCount: group.nodesPerReplica } } : {}),
    sharedMemorySize: `${group.sharedMemoryMiB}Mi`,
    podTemplate: {
      metadata: {
        labels: base.labels,
        annotations: { ...workerAnnotations(group, model), ...base.annotations },
      },
      spec: {
        ...base.spec,
        volumes: [...listOf(base.spec["volumes"]), ...mount.volumes],
        terminationGracePeriodSeconds: shutdownTimes(model).workerGraceSeconds,
        containers: [
          {
            ...mainContainer(base, workerEnvironment(engine, group)),
            image: workerImage(engine, group),
            command: workerCommands[model.backend.type],
            args: [...workerArguments(model.backend.type, settings, config), ...group.arguments],
            ...workerProbes(group.startupSeconds),
            volumeMounts: [...listOf(base.container["volumeMounts"]), ...mount.mounts],
          },
        ],
      },
    },
  };
}

function plannerComponent(
  model: DynamoModelOptions,
  release: DynamoEngineOptions,
  groups: readonly ReplicaGroupPlan[],
  base: GraphPodBase,
): GraphComponent {
  return {
    name: "Planner",
    type: "planner",
    replicas: 1,
    sharedMemorySize: "0",
    podTemplate: {
      metadata: { labels: base.labels, annotations: { ...base.annotations } },
      spec: {
        ...base.spec,
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            ...mainContainer(base, { HOME: "/tmp", DYN_EVENT_PLANE: release.eventPlane }),
            image: plannerImage(release),
            command: ["python3", "-m", "dynamo.planner"],
            args: ["--config", JSON.stringify(plannerConfig(model, groups))],
            ports: [{ name: "metrics", containerPort: plannerMetricsPort }],
          },
        ],
      },
    },
  };
}

/** The operator fills in this container: its ports, its variables, its place in the discovery. */
function mainContainer(
  base: GraphPodBase,
  environment: Readonly<Record<string, string>>,
): Pick<MainContainer, "name" | "env"> {
  const own = Object.entries(environment).map(([name, value]): GraphVariable => ({ name, value }));
  return { ...base.container, name: "main", env: [...own, ...base.environment] };
}

interface ConfigMount {
  readonly volumes: readonly unknown[];
  readonly mounts: readonly unknown[];
}

/** The one file at its path, so that the folder may hold files of the image. */
function configMount(config: EngineConfigFile | undefined, group: ReplicaGroupPlan): ConfigMount {
  if (!config || config.kind === "present") return { volumes: [], mounts: [] };
  const { name, key } =
    config.kind === "written" ? { name: writtenConfigName(group), key: writtenConfigKey } : config;
  const volume = "engine-config";
  return {
    volumes: [{ name: volume, configMap: { name } }],
    mounts: [{ name: volume, mountPath: config.path, subPath: key, readOnly: true }],
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
