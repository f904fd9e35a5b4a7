import type * as pulumi from "@pulumi/pulumi";
import type { core } from "@pulumi/kubernetes/types/input.js";
import { terminationGraceSeconds, type EngineProfile } from "../../platform/engines/engine-profile.ts";
import { deviceResource } from "../../platform/plan/devices.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import type { EnvironmentSpec } from "../../platform/spec/runtime-schema.ts";
import { acceleratorLabel, nodePoolLabel, nodeTaint, platformLabel } from "../cluster/node-labels.ts";
import { labelValue, recommendedLabels, selectorLabels } from "../labels.ts";
import { engineServiceAccount } from "./engine-args.ts";
import { engineIdentity, infernoPodLabels } from "./engine-labels.ts";
import { modelAccess, type ModelAccess, type ModelSource } from "./model-source.ts";

export interface EnginePodArgs {
  /** Name of the platform, whose nodes are chosen. */
  readonly platform: string;
  readonly engine: EnginePlan;
  readonly group: ReplicaGroupPlan;
  readonly profile: EngineProfile;
  readonly priorityClassName: string;
  readonly models: ModelSource;
  /** What an engine needs in its pods beyond the facts of its profile. */
  readonly additions?: PodAdditions;
}

/** Comes on top of what every engine's pod has. */
export interface PodAdditions {
  /** In place of the profile's command and the spec's arguments. */
  readonly command?: readonly pulumi.Input<string>[];
  /** After those that fetch models. */
  readonly initContainers?: readonly core.v1.Container[];
  readonly volumes?: readonly core.v1.Volume[];
  readonly mounts?: readonly core.v1.VolumeMount[];
  readonly environment?: readonly core.v1.EnvVar[];
  readonly annotations?: Readonly<Record<string, pulumi.Input<string>>>;
}

const startupProbePeriodSeconds = 10;

/** On top of the grace period, until kubelet and device plugin have reported the GPUs free. */
const autoscalerMarginSeconds = 30;

/** Scratch space of a replica: caches of compiled kernels, extracted backends. */
const scratchGiB = 20;

/** In a rollout a replica waits for the GPUs that its predecessor still drains: no reason to buy a node. */
export function scaleUpDelay(graceSeconds: number): Readonly<Record<string, string>> {
  return {
    "cluster-autoscaler.kubernetes.io/pod-scale-up-delay": `${graceSeconds + autoscalerMarginSeconds}s`,
  };
}

/** A pod template with all its parts there, so that an engine may go on with it. */
export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, pulumi.Input<string>>>;
  };
  readonly spec: core.v1.PodSpec;
}

/** The pod of one replica, or of one node of a replica. */
export function enginePod({
  platform,
  engine,
  group,
  profile,
  priorityClassName,
  models,
  additions = {},
}: EnginePodArgs): PodTemplate {
  const identity = engineIdentity(engine, group);
  const access = modelAccess(models, group, profile.modelRoot);
  const initContainers = [...access.initContainers, ...(additions.initContainers ?? [])];
  return {
    metadata: {
      labels: { ...recommendedLabels(identity), ...infernoPodLabels(group) },
      annotations: {
        ...scaleUpDelay(terminationGraceSeconds(profile)),
        ...additions.annotations,
      },
    },
    spec: {
      serviceAccountName: engineServiceAccount(group),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName,
      terminationGracePeriodSeconds: terminationGraceSeconds(profile),
      // The platform's own nodes: others have the same accelerator, and their plan counts on it.
      nodeSelector: {
        [platformLabel]: labelValue(platform),
        [acceleratorLabel]: labelValue(group.accelerator),
      },
      tolerations: [{ key: nodeTaint(group.device).key, operator: "Exists", effect: "NoSchedule" }],
      affinity: {
        nodeAffinity: plannedNodes(group),
        ...(group.placement === "pack" ? { podAffinity: gatherOnNodes(identity.component) } : {}),
      },
      ...(group.placement === "spread"
        ? { topologySpreadConstraints: [spreadOverNodes(selectorLabels(identity))] }
        : {}),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: profile.runAs.userId,
        runAsGroup: profile.runAs.groupId,
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...(initContainers.length > 0 ? { initContainers } : {}),
      containers: [container(engine, group, profile, access, additions)],
      volumes: [
        { name: "scratch", emptyDir: { sizeLimit: `${scratchGiB + access.downloadGiB}Gi` } },
        { name: "shared-memory", emptyDir: { medium: "Memory", sizeLimit: `${group.sharedMemoryMiB}Mi` } },
        ...access.volumes,
        ...(additions.volumes ?? []),
      ],
    },
  };
}

/**
 * Demanded: the plan packed these replicas onto these node groups. A small replica that takes a place on another one's
 * large node, because it came first, would keep the replica that needs the whole node waiting for ever.
 */
function plannedNodes(group: ReplicaGroupPlan): core.v1.NodeAffinity {
  const pools = group.nodePools.map(labelValue);
  return {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: nodePoolLabel, operator: "In", values: pools }] }],
    },
  };
}

/** Wished, not demanded: the plan packs several replicas onto one node where they fit. */
function spreadOverNodes(podLabels: Record<string, string>): core.v1.TopologySpreadConstraint {
  return {
    maxSkew: 1,
    topologyKey: "kubernetes.io/hostname",
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: podLabels },
  };
}

/** Prefers nodes that engines are on already: the scheduler would take empty ones, which larger replicas need whole. */
function gatherOnNodes(component: string): core.v1.PodAffinity {
  return {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          topologyKey: "kubernetes.io/hostname",
          labelSelector: { matchLabels: { "app.kubernetes.io/component": component } },
          namespaceSelector: {},
        },
      },
    ],
  };
}

function container(
  engine: EnginePlan,
  group: ReplicaGroupPlan,
  profile: EngineProfile,
  access: ModelAccess,
  additions: PodAdditions,
): core.v1.Container {
  const probes = profile.probes(engine);
  const accelerator = deviceResource(group.device);
  const resources = {
    cpu: `${group.cpuMillis}m`,
    memory: `${group.memoryMiB}Mi`,
    ...(accelerator === undefined
      ? {}
      : { [accelerator]: String(group.gpusPerReplica / group.nodesPerReplica) }),
  };
  // By name, since a name may be there once; what a spec may say of those above wins.
  const environment = [
    ...new Map(
      [
        ...plainVariables(profile.environment(group, engine)),
        ...access.environment,
        ...(additions.environment ?? []),
        ...Object.entries(group.environment).map(specVariable),
      ].map((variable) => [variable.name, variable] as const),
    ).values(),
  ];
  const command = additions.command ?? [...profile.command(group, engine), ...group.arguments];
  return {
    name: engine.type,
    image: engine.image,
    imagePullPolicy: "IfNotPresent",
    [profile.entryPoint === "image" ? "args" : "command"]: [...command],
    ...(environment.length > 0 ? { env: environment } : {}),
    ports: containerPorts(profile),
    // Requests equal limits: the node's CPU and memory were packed by them, and nobody is evicted for another's peak.
    resources: { requests: resources, limits: resources },
    startupProbe: {
      ...httpProbe(probes.startup),
      periodSeconds: startupProbePeriodSeconds,
      failureThreshold: Math.ceil(group.startupSeconds / startupProbePeriodSeconds),
    },
    // A busy engine answers late. A minute of silence is a hang; less would kill replicas under load.
    livenessProbe: { ...httpProbe(probes.liveness), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...httpProbe(probes.readiness), periodSeconds: 5, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: profile.drain.preStopSeconds } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "scratch", mountPath: "/tmp" },
      { name: "shared-memory", mountPath: "/dev/shm" },
      ...access.mounts,
      ...(additions.mounts ?? []),
    ],
  };
}

/** As Kubernetes lists them. */
function plainVariables(variables: Readonly<Record<string, string>>): core.v1.EnvVar[] {
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

function specVariable([name, value]: [string, EnvironmentSpec[string]]): core.v1.EnvVar {
  return typeof value === "string"
    ? { name, value }
    : { name, valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } };
}

function containerPorts(profile: EngineProfile): core.v1.ContainerPort[] {
  const { http, grpc, metrics } = profile.ports;
  return [
    { name: "http", containerPort: http },
    ...(grpc === undefined ? [] : [{ name: "grpc", containerPort: grpc }]),
    // Some engines serve metrics on the port of their API; a port is listed once.
    ...(metrics === http ? [] : [{ name: "metrics", containerPort: metrics }]),
  ];
}

function httpProbe(path: string): core.v1.Probe {
  return { httpGet: { path, port: "http" }, timeoutSeconds: 5 };
}
