import type { EngineProfile } from "../../platform/engines/engine-profile.ts";
import { engineProfiles, isEngineType } from "../../platform/engines/registry.ts";
import { kubernetesKind } from "../kubernetes-kind.ts";
import { isAbsent, isUnknown, listAt, objectAt, textAt, valueAt, type Properties } from "../known-values.ts";
import { podSpecsOf, type PodSpec } from "../pod-containers.ts";
import type { PolicyResource } from "../policy.ts";

/** A pod that serves models, as a resource makes it. */
export interface EnginePod extends PodSpec {
  readonly profile: EngineProfile;
  /** The container that the engine runs in, which sidecars may stand beside. */
  readonly container: EngineContainer;
  /** Whether it answers requests: the other nodes of a replica that spans several do not. */
  readonly answers: boolean;
  /** Whether the resource is a patch: what is missing in it may be in what it patches. */
  readonly partial: boolean;
}

export interface EngineContainer {
  /** Such as `containers[0]`, after the place of its pod. */
  readonly place: string;
  readonly container: Properties;
}

/** Kinds whose pods serve until they are replaced. Jobs of an engine end by themselves, and nobody sends them requests. */
const servingKinds = new Set([
  "Pod",
  "ReplicaSet",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "LeaderWorkerSet",
  "DynamoGraphDeployment",
]);

/** The pods of engines with a profile that a resource makes. */
export function enginePodsOf(resource: PolicyResource): EnginePod[] {
  const kind = kubernetesKind(resource.type) ?? "";
  if (!servingKinds.has(kind)) return [];
  const leaderTemplate = valueAt(resource.props, "spec", "leaderWorkerTemplate", "leaderTemplate");
  return podSpecsOf(resource).flatMap((pod) => {
    const profile = engineProfile(pod.labels);
    const container = profile && engineContainer(pod, profile.type);
    if (!profile || !container) return [];
    return [
      {
        ...pod,
        profile,
        container,
        // Without a template of its own a leader is made by that of the workers.
        answers: kind !== "LeaderWorkerSet" || isAbsent(leaderTemplate) || pod.place === "leaderTemplate: ",
        partial: resource.type.endsWith("Patch"),
      },
    ];
  });
}

/** The profile of the engine whose pods have these labels; absent where they are another's, or not known. */
export function engineProfile(labels: Properties | undefined): EngineProfile | undefined {
  const type = textAt(labels, "app.kubernetes.io/name");
  const component = textAt(labels, "app.kubernetes.io/component");
  return component === "inference-engine" && type !== undefined && isEngineType(type)
    ? engineProfiles[type]
    : undefined;
}

/** By the name that the platform gives it, or Dynamo's operator; else the first, as tools for Kubernetes take it. */
function engineContainer({ place, spec }: PodSpec, type: string): EngineContainer | undefined {
  const containers = listAt(spec, "containers");
  const named = containers.findIndex((container) => [type, "main"].includes(textAt(container, "name") ?? ""));
  // One that is not known yet may be the engine's.
  if (named < 0 && containers.some((container) => isUnknown(valueAt(container, "name")))) return undefined;
  const index = Math.max(named, 0);
  const container = objectAt(containers[index]);
  return container && { place: `${place}containers[${index}]`, container };
}
