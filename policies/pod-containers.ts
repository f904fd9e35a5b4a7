import { kubernetesKind } from "./kubernetes-kind.ts";
import { listAt, objectAt, type Properties } from "./known-values.ts";
import type { PolicyResource } from "./policy.ts";

export interface PodContainer {
  /** Where it is in the pod, such as `initContainers[0]`. */
  readonly place: string;
  readonly container: Properties;
}

/** A pod that a resource makes. */
export interface PodSpec {
  /** Where it is in a resource that makes several kinds of pods, such as `components[1]: `; else empty. */
  readonly place: string;
  readonly spec: Properties;
}

/** Where each kind that makes pods keeps their specs. */
const podSpecPaths: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Pod: [["spec"]],
  PodTemplate: [["template", "spec"]],
  ReplicationController: [["spec", "template", "spec"]],
  ReplicaSet: [["spec", "template", "spec"]],
  Deployment: [["spec", "template", "spec"]],
  StatefulSet: [["spec", "template", "spec"]],
  DaemonSet: [["spec", "template", "spec"]],
  Job: [["spec", "template", "spec"]],
  CronJob: [["spec", "jobTemplate", "spec", "template", "spec"]],
  LeaderWorkerSet: [
    ["spec", "leaderWorkerTemplate", "leaderTemplate", "spec"],
    ["spec", "leaderWorkerTemplate", "workerTemplate", "spec"],
  ],
};

/** The specs of the pods that a resource makes. */
export function podSpecsOf(resource: PolicyResource): PodSpec[] {
  const kind = kubernetesKind(resource.type) ?? "";
  if (kind === "DynamoGraphDeployment") {
    return listAt(resource.props, "spec", "components").flatMap((component, index) => {
      const spec = objectAt(component, "podTemplate", "spec");
      return spec ? [{ place: `components[${index}]: `, spec }] : [];
    });
  }
  const paths = podSpecPaths[kind] ?? [];
  return paths.flatMap((path) => {
    const spec = objectAt(resource.props, ...path);
    return spec ? [{ place: paths.length > 1 ? `${path.at(-2)}: ` : "", spec }] : [];
  });
}

/** Every container of the pods that a resource makes, whenever it runs. */
export function containersOf(resource: PolicyResource): PodContainer[] {
  return podSpecsOf(resource).flatMap(({ place, spec }) =>
    ["initContainers", "containers", "ephemeralContainers"].flatMap((field) =>
      listAt(spec, field).flatMap((value, index) => {
        const container = objectAt(value);
        return container ? [{ place: `${place}${field}[${index}]`, container }] : [];
      }),
    ),
  );
}
