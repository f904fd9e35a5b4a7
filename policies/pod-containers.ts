import { kubernetesKind } from "./kubernetes-kind.ts";
import { listAt, objectAt, type Properties } from "./known-values.ts";
import type { PolicyResource } from "./policy.ts";

export interface PodContainer {
  /** Where it is in the pod, such as `initContainers[0]`. */
  readonly place: string;
  readonly container: Properties;
}

/** Where each kind that makes pods keeps their spec. */
const podSpecPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: ["spec"],
  PodTemplate: ["template", "spec"],
  ReplicationController: ["spec", "template", "spec"],
  ReplicaSet: ["spec", "template", "spec"],
  Deployment: ["spec", "template", "spec"],
  StatefulSet: ["spec", "template", "spec"],
  DaemonSet: ["spec", "template", "spec"],
  Job: ["spec", "template", "spec"],
  CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
};

/** The spec of the pods that a resource makes. */
export function podSpecOf(resource: PolicyResource): Properties | undefined {
  const path = podSpecPaths[kubernetesKind(resource.type) ?? ""];
  return path && objectAt(resource.props, ...path);
}

/** Every container of the pods that a resource makes, whenever it runs. */
export function containersOf(resource: PolicyResource): PodContainer[] {
  const spec = podSpecOf(resource);
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((field) =>
    listAt(spec, field).flatMap((value, index) => {
      const container = objectAt(value);
      return container ? [{ place: `${field}[${index}]`, container }] : [];
    }),
  );
}
