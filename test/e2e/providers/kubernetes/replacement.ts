import type { Difference } from "../wire/differences.ts";
import { isWithin } from "../wire/differences.ts";
import { groupOf, type ObjectKind } from "./manifest.ts";

export interface MutableKinds {
  /** Data of ConfigMaps may change in place. */
  readonly configMaps: boolean;
  readonly secrets: boolean;
}

/** Sources of a PersistentVolume, which it keeps for life. */
const volumeSources = [
  "awsElasticBlockStore",
  "csi",
  "fc",
  "flexVolume",
  "hostPath",
  "iscsi",
  "local",
  "nfs",
].map((source) => `spec.${source}`);

/** Fields of a pod's spec and of its containers that change in place; the images and few others. */
const mutablePodFields = [
  "spec.activeDeadlineSeconds",
  "spec.tolerations",
  "spec.containers.image",
  "spec.initContainers.image",
];

/** Fields that the API server keeps for life, by group and kind, as the official provider knows them. */
const fixedFields: Readonly<Record<string, readonly string[]>> = {
  "/PersistentVolume": volumeSources,
  "/PersistentVolumeClaim": ["accessModes", "selector", "storageClassName", "volumeName"].map(inSpec),
  "/ResourceQuota": ["spec.scopes"],
  "/Secret": ["type"],
  "/Service": ["spec.clusterIP"],
  "apps/DaemonSet": ["spec.selector"],
  "apps/Deployment": ["spec.selector"],
  "apps/StatefulSet": [
    "podManagementPolicy",
    "revisionHistoryLimit",
    "selector",
    "serviceName",
    "volumeClaimTemplates",
  ].map(inSpec),
  "batch/Job": ["completions", "parallelism", "selector", "template"].map(inSpec),
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
};

/** Whether a changed field of the inputs needs a new object. */
export function needsReplacement(
  { path }: Difference,
  before: ObjectKind,
  { apiVersion, kind }: ObjectKind,
  inputs: Readonly<Record<string, unknown>>,
  mutable: MutableKinds,
): boolean {
  const group = groupOf(apiVersion);
  const within = (field: string) => isWithin(path, field);
  if (within("kind")) return true;
  // Another version is another view of the same object; another group is another kind.
  if (within("apiVersion")) return groupOf(before.apiVersion) !== group;
  if (within("metadata.name") || within("metadata.namespace")) return true;
  const type = `${group}/${kind}`;
  if (type === "/Pod") return path[0] === "spec" && !mutablePodFields.some(within);
  if (type === "/ConfigMap" && (!mutable.configMaps || inputs.immutable === true)) {
    return within("data") || within("binaryData");
  }
  if (type === "/Secret" && (!mutable.secrets || inputs.immutable === true)) {
    return within("data") || within("stringData") || within("type");
  }
  return fixedFields[type]?.some(within) === true;
}

function inSpec(field: string): string {
  return `spec.${field}`;
}
