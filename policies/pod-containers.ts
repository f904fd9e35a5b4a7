import { kubernetesKind } from "./kubernetes-kind.ts";
import { listAt, objectAt, valueAt, type Properties } from "./known-values.ts";
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
  /** Labels of the pods; none where they are not known. */
  readonly labels: Properties;
  readonly spec: Properties;
}

/** Where each kind that makes pods keeps their templates; a pod is its own. */
const templatePaths: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Pod: [[]],
  PodTemplate: [["template"]],
  ReplicationController: [["spec", "template"]],
  ReplicaSet: [["spec", "template"]],
  Deployment: [["spec", "template"]],
  StatefulSet: [["spec", "template"]],
  DaemonSet: [["spec", "template"]],
  Job: [["spec", "template"]],
  CronJob: [["spec", "jobTemplate", "spec", "template"]],
  LeaderWorkerSet: [
    ["spec", "leaderWorkerTemplate", "leaderTemplate"],
    ["spec", "leaderWorkerTemplate", "workerTemplate"],
  ],
};

/** The specs of the pods that a resource makes. */
export function podSpecsOf(resource: PolicyResource): PodSpec[] {
  const kind = kubernetesKind(resource.type) ?? "";
  if (kind === "DynamoGraphDeployment") {
    return listAt(resource.props, "spec", "components").flatMap((component, index) => {
      return podSpecOf(`components[${index}]: `, valueAt(component, "podTemplate"));
    });
  }
  const paths = templatePaths[kind] ?? [];
  return paths.flatMap((path) =>
    podSpecOf(paths.length > 1 ? `${path.at(-1)}: ` : "", valueAt(resource.props, ...path)),
  );
}

function podSpecOf(place: string, template: unknown): PodSpec[] {
  const spec = objectAt(template, "spec");
  return spec ? [{ place, labels: objectAt(template, "metadata", "labels") ?? {}, spec }] : [];
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
