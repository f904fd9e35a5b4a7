import type { core } from "@pulumi/kubernetes/types/input.js";
import { vllmServe } from "../../../platform/engines/vllm/arguments.ts";
import { chartEnvironment } from "../../../platform/engines/vllm/chart-environment.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { scaledObjectSpec } from "../scaling/scaled-object.ts";
import type { PodTemplate } from "../engine-pod.ts";

/** The chart of vLLM's production stack, at the one version that these values are made for. */
export const vllmChart = {
  chart: "vllm-stack",
  version: "0.1.12",
  repository: "https://vllm-project.github.io/production-stack",
} as const;

/** What the chart calls the model, from which it makes names and the label app.kubernetes.io/name. */
const chartModelName = "vllm";

/** The chart's name for the port of the API. */
export const chartPortName = "container-port";

/** What the chart labels its pods with; the rest of the platform's own labels come on top. */
export const chartPodComponent = "serving-engine";

/** The Deployment that a release of the chart makes. */
export function chartDeployment(release: string): string {
  return `${release}-${chartModelName}-deployment-vllm`;
}

/** Longest name of a release from which the chart's Services get names of at most 63 characters. */
export const chartReleaseMaxLength = 63 - `-${chartModelName}-engine-service`.length;

export interface ChartValuesArgs {
  readonly engine: EnginePlan;
  readonly group: ReplicaGroupPlan;
  /** The pod as the standalone pattern has it: the chart's is made as like to it as its values allow. */
  readonly pod: PodTemplate;
  /** Labels of the Deployment, beyond the chart's own. */
  readonly labels: Readonly<Record<string, string>>;
  /** Base URL of Prometheus; KEDA needs it. */
  readonly prometheus?: string;
  readonly proxyNamespace: string;
}

/** All that is said to the chart. What matters is never left to its defaults. */
export function chartValues(args: ChartValuesArgs): Readonly<Record<string, unknown>> {
  const { group, pod } = args;
  const container = engineContainer(pod);
  return {
    servingEngineSpec: {
      enableEngine: true,
      // Part of the Deployment's selector: nothing that an update changes.
      labels: { environment: group.namespace, release: group.name },
      modelSpec: [modelSpec(args, container)],
      containerPort: portNumber(container),
      servicePort: portNumber(container),
      // The plan buys no spare GPU for a rollout.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      startupProbe: probe(container, container.startupProbe),
      livenessProbe: probe(container, container.livenessProbe),
      readinessProbe: probe(container, container.readinessProbe),
      // No such class is on EKS' nodes, whose runtime shows GPUs without it.
      runtimeClassName: "",
      imagePullPolicy: container.imagePullPolicy,
      securityContext: pod.spec.securityContext,
      containerSecurityContext: { runAsNonRoot: true, ...(container.securityContext as object) },
      // A PodMonitor of the platform's own has the labels that its queries need.
      serviceMonitor: { enabled: false },
    },
    // The platform's proxy routes.
    routerSpec: { enableRouter: false },
    cacheserverSpec: { enabled: false },
    loraController: { enableLoraController: false },
    sharedPvcStorage: { enabled: false },
    grafanaDashboards: { enabled: false },
    "kube-prometheus-stack": { enabled: false },
    "prometheus-adapter": { enabled: false },
  };
}

function modelSpec(args: ChartValuesArgs, container: core.v1.Container): Readonly<Record<string, unknown>> {
  const { engine, group, pod } = args;
  const { model, flags } = vllmServe(group, engine);
  const [initContainer] = (pod.spec.initContainers ?? []) as core.v1.Container[];
  return {
    name: chartModelName,
    enabled: true,
    labels: args.labels,
    podLabels: withoutChartLabels(pod.metadata.labels),
    podAnnotations: pod.metadata.annotations,
    ...imageParts(engine.image),
    modelURL: model,
    ...replicas(args),
    resources: container.resources,
    serviceAccountName: pod.spec.serviceAccountName,
    priorityClassName: pod.spec.priorityClassName,
    runtimeClassName: "",
    // Shared memory is mounted only where tensor parallelism is named.
    shmSize: `${group.sharedMemoryMiB}Mi`,
    vllmConfig: {
      tensorParallelSize: group.gpusPerReplica,
      enablePrefixCaching: flags.includes("--enable-prefix-caching"),
      extraArgs: [...flags.filter((argument) => !isSetByChart(argument)), ...group.arguments],
    },
    env: ((container.env ?? []) as core.v1.EnvVar[]).filter(
      ({ name }) => !(String(name) in chartEnvironment),
    ),
    affinity: affinityWithSelector(pod),
    tolerations: pod.spec.tolerations,
    tolerationsPolicy: "override",
    extraVolumes: withoutSharedMemory((pod.spec.volumes ?? []) as core.v1.Volume[]),
    extraVolumeMounts: withoutSharedMemory((container.volumeMounts ?? []) as core.v1.VolumeMount[]),
    ...(initContainer ? { initContainer: initContainerValue(initContainer) } : {}),
  };
}

/** The plan's number, or the chart's own ScaledObject: its Deployment leaves replicas out only beside that. */
function replicas({ group, prometheus, proxyNamespace }: ChartValuesArgs): Readonly<Record<string, unknown>> {
  const { autoscaling } = group;
  if (!autoscaling || prometheus === undefined) return { replicaCount: group.replicas };
  const { scaleTargetRef: _, ...keda } = scaledObjectSpec({
    group,
    autoscaling,
    // The chart names its Deployment itself.
    target: { apiVersion: "apps/v1", kind: "Deployment", name: "" },
    queueGauge: "vllm:num_requests_waiting",
    prometheus,
    proxyNamespace,
  }) as Record<string, unknown>;
  return { keda: { enabled: true, ...keda } };
}

function engineContainer(pod: PodTemplate): core.v1.Container {
  const [container] = pod.spec.containers as core.v1.Container[];
  if (!container) throw new RangeError("the pod of an engine has no container");
  return container;
}

function portNumber(container: core.v1.Container): number {
  const [port] = (container.ports ?? []) as core.v1.ContainerPort[];
  if (typeof port?.containerPort !== "number") throw new RangeError("the engine's container lists no port");
  return port.containerPort;
}

/** The chart fills in 15 seconds where a delay is absent or 0. */
const leastDelaySeconds = 1;

function probe(container: core.v1.Container, given: core.v1.Container["startupProbe"]): object {
  const { httpGet, timeoutSeconds, periodSeconds, failureThreshold } = given as core.v1.Probe;
  const { path } = httpGet as core.v1.HTTPGetAction;
  return {
    initialDelaySeconds: leastDelaySeconds,
    timeoutSeconds,
    periodSeconds,
    failureThreshold,
    httpGet: { path, port: portNumber(container) },
  };
}

/** The chart joins the two by a colon, which is right for a digest too. */
function imageParts(image: string): { readonly repository: string; readonly tag: string } {
  const colon = image.lastIndexOf(":");
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** Labels that the chart writes itself; a second time in its text they would be no valid YAML. */
const chartLabels = ["name", "instance", "component", "part-of", "managed-by"].map(
  (label) => `app.kubernetes.io/${label}`,
);

function withoutChartLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !chartLabels.includes(name)));
}

/** Values of their own make the chart say these. */
function isSetByChart(argument: string): boolean {
  return argument.startsWith("--tensor-parallel-size=") || argument.endsWith("enable-prefix-caching");
}

/** The chart has no value for a node selector: the affinity demands the same. */
function affinityWithSelector(pod: PodTemplate): core.v1.Affinity {
  const { nodeAffinity, ...rest } = (pod.spec.affinity ?? {}) as core.v1.Affinity;
  const required = (nodeAffinity as core.v1.NodeAffinity | undefined)
    ?.requiredDuringSchedulingIgnoredDuringExecution as core.v1.NodeSelector | undefined;
  const terms = (required?.nodeSelectorTerms ?? [{}]) as core.v1.NodeSelectorTerm[];
  const selected = Object.entries((pod.spec.nodeSelector ?? {}) as Record<string, string>).map(
    ([key, value]) => ({ key, operator: "In", values: [value] }),
  );
  return {
    ...rest,
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((term) => ({
          ...term,
          matchExpressions: [
            ...((term.matchExpressions ?? []) as core.v1.NodeSelectorRequirement[]),
            ...selected,
          ],
        })),
      },
    },
  };
}

function withoutSharedMemory<Named extends { readonly name: unknown }>(volumes: readonly Named[]): Named[] {
  return volumes.filter(({ name }) => name !== "shared-memory");
}

/** The keys that the chart's template passes on. */
function initContainerValue(container: core.v1.Container): object {
  const { name, image, command, env, resources, volumeMounts } = container;
  return { name, image, command, env, resources, extraVolumeMounts: volumeMounts };
}
