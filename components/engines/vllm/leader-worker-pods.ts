import type { core } from "@pulumi/kubernetes/types/input.js";
import { vllmWorkerCommand } from "../../../platform/engines/vllm/arguments.ts";
import { groupKeyLabel, waitForLeader, waitForWorkers } from "../../../platform/engines/vllm/multi-node.ts";
import { enginePod, type EnginePodArgs, type PodTemplate } from "../engine-pod.ts";

/** The pods of one replica that spans several nodes. */
export interface LeaderWorkerPods {
  /** On the first node: answers requests. */
  readonly leader: PodTemplate;
  /** On each of the others: holds a part of the model. */
  readonly worker: PodTemplate;
}

export function leaderWorkerPods(args: EnginePodArgs): LeaderWorkerPods {
  const { engine, group, profile, additions = {} } = args;
  const pod = (waiting: string, command?: readonly string[]): PodTemplate =>
    nearEachOther(
      enginePod({
        ...args,
        additions: {
          ...additions,
          ...(command ? { command } : {}),
          initContainers: [...(additions.initContainers ?? []), waitContainer(engine.image, waiting)],
          environment: [
            ...(additions.environment ?? []),
            // The address that the processes give each other; a node with several networks would offer any.
            { name: "VLLM_HOST_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          ],
        },
      }),
    );
  return {
    leader: pod(waitForWorkers),
    worker: silent(
      pod(waitForLeader, [...vllmWorkerCommand(group, engine), ...group.arguments]),
      profile.drain.preStopSeconds + profile.drain.requestSeconds,
    ),
  };
}

/** The engine's own image: it is on the node already when the engine starts, and has what the scripts need. */
function waitContainer(image: string, script: string): core.v1.Container {
  const resources = { cpu: "100m", memory: "128Mi" };
  return {
    name: "wait-for-others",
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["python3", "-c", script],
    resources: { requests: resources, limits: resources },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  };
}

/**
 * A pod without an API: nothing to probe, and nothing to measure.
 *
 * @param staySeconds how long it stays after it was asked to go: where its node is drained, the whole replica goes, and
 * its leader needs it for the requests that it still answers
 */
function silent(pod: PodTemplate, staySeconds: number): PodTemplate {
  const containers = pod.spec.containers as core.v1.Container[];
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(
        ({
          startupProbe: _startup,
          livenessProbe: _liveness,
          readinessProbe: _readiness,
          ports: _,
          ...rest
        }) => ({
          ...rest,
          lifecycle: { preStop: { sleep: { seconds: staySeconds } } },
        }),
      ),
    },
  };
}

/** Wished: the pods of a replica in one zone, as every token crosses from node to node. */
function nearEachOther(pod: PodTemplate): PodTemplate {
  const affinity = pod.spec.affinity as core.v1.Affinity | undefined;
  const podAffinity = affinity?.podAffinity as core.v1.PodAffinity | undefined;
  const preferred = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution as
    core.v1.WeightedPodAffinityTerm[] | undefined;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      affinity: {
        ...affinity,
        podAffinity: {
          ...podAffinity,
          preferredDuringSchedulingIgnoredDuringExecution: [
            ...(preferred ?? []),
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: "topology.kubernetes.io/zone",
                labelSelector: {},
                // Of the same replica; a label may be named here or in the selector, not in both.
                matchLabelKeys: [groupKeyLabel],
              },
            },
          ],
        },
      },
    },
  };
}
