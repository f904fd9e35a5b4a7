import type * as pulumi from "@pulumi/pulumi";
import type { core } from "@pulumi/kubernetes/types/input.js";
import { terminationGraceSeconds, type EngineProfile } from "../../platform/engines/engine-profile.ts";
import { deviceResource } from "../../platform/plan/devices.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { acceleratorLabel, nodePoolLabel, nodeTaint, platformLabel } from "../cluster/node-labels.ts";
import { labelValue, recommendedLabels, selectorLabels } from "../labels.ts";
import { engineServiceAccount } from "./engine-args.ts";
import { engineIdentity, infernoPodLabels } from "./engine-labels.ts";

/** A read-only folder with models. */
export interface ModelMount {
  readonly claimName: pulumi.Input<string>;
  /** Folder in the volume. */
  readonly path: string;
  /** Where the engine sees it. */
  readonly mountPath: string;
}

export interface EnginePodArgs {
  /** Name of the platform, whose nodes are chosen. */
  readonly platform: string;
  readonly engine: EnginePlan;
  readonly group: ReplicaGroupPlan;
  readonly profile: EngineProfile;
  readonly priorityClassName: string;
  /** Absent where the engine loads its models over the network. */
  readonly mount: ModelMount | undefined;
}

const startupProbePeriodSeconds = 10;

/** On top of the grace period, until kubelet and device plugin have reported the GPUs free. */
const autoscalerMarginSeconds = 30;

/** Scratch space of a replica: caches of compiled kernels, extracted backends. */
const scratchSize = "20Gi";

/** The pod of one replica. */
export function enginePod({
  platform,
  engine,
  group,
  profile,
  priorityClassName,
  mount,
}: EnginePodArgs): core.v1.PodTemplateSpec {
  const identity = engineIdentity(engine, group);
  return {
    metadata: {
      labels: { ...recommendedLabels(identity), ...infernoPodLabels(group) },
      annotations: {
        // In a rollout a replica waits for the GPUs that its predecessor still drains: no reason to buy a node.
        "cluster-autoscaler.kubernetes.io/pod-scale-up-delay": `${terminationGraceSeconds(profile) + autoscalerMarginSeconds}s`,
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
      containers: [container(engine, group, profile, mount)],
      volumes: [
        { name: "scratch", emptyDir: { sizeLimit: scratchSize } },
        { name: "shared-memory", emptyDir: { medium: "Memory", sizeLimit: `${group.sharedMemoryMiB}Mi` } },
        ...(mount
          ? [{ name: "models", persistentVolumeClaim: { claimName: mount.claimName, readOnly: true } }]
          : []),
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
  mount: ModelMount | undefined,
): core.v1.Container {
  const accelerator = deviceResource(group.device);
  const resources = {
    cpu: `${group.cpuMillis}m`,
    memory: `${group.memoryMiB}Mi`,
    ...(accelerator === undefined ? {} : { [accelerator]: String(group.gpusPerReplica) }),
  };
  const environment = Object.entries(profile.environment(group, engine));
  return {
    name: engine.type,
    image: engine.image,
    imagePullPolicy: "IfNotPresent",
    [profile.entryPoint === "image" ? "args" : "command"]: [...profile.command(group, engine)],
    ...(environment.length > 0 ? { env: environment.map(([name, value]) => ({ name, value })) } : {}),
    ports: containerPorts(profile),
    // Requests equal limits: the node's CPU and memory were packed by them, and nobody is evicted for another's peak.
    resources: { requests: resources, limits: resources },
    startupProbe: {
      ...httpProbe(profile.probes.startup),
      periodSeconds: startupProbePeriodSeconds,
      failureThreshold: Math.ceil(group.startupSeconds / startupProbePeriodSeconds),
    },
    // A busy engine answers late. A minute of silence is a hang; less would kill replicas under load.
    livenessProbe: { ...httpProbe(profile.probes.liveness), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...httpProbe(profile.probes.readiness), periodSeconds: 5, failureThreshold: 3 },
    lifecycle: { preStop: { sleep: { seconds: profile.drain.preStopSeconds } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "scratch", mountPath: "/tmp" },
      { name: "shared-memory", mountPath: "/dev/shm" },
      ...(mount ? [{ name: "models", mountPath: mount.mountPath, subPath: mount.path, readOnly: true }] : []),
    ],
  };
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
