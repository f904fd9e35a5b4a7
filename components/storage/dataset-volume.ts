import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { AccessPoint } from "@pulumi/aws/efs/index.js";
import { PersistentVolume, PersistentVolumeClaim } from "@pulumi/kubernetes/core/v1/index.js";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { shownName } from "../names.ts";

export interface DatasetVolumeArgs {
  /** Name of the platform, for labels and tags. */
  readonly platform: string;
  /** Namespace of the claim. A claim is of one namespace, so every namespace gets a volume of its own. */
  readonly namespace: string;
  /** Name of the Domino dataset. */
  readonly dataset: string;
  /** Domino's shared EFS file system. */
  readonly fileSystemId: string;
  /** Folder of the dataset's snapshot under Domino's `filecache/`. */
  readonly resourceId: string;
}

/** User and group that Domino's runs write datasets as. */
const dominoUser = 12574;

/** EFS has no size; Kubernetes wants one, and volume and claim must agree. */
const nominalSize = "1Ti";

/**
 * What tells volumes apart: by namespace and dataset, whose readable forms may become one when they are joined or lose
 * characters, and by the folder. A volume cannot be pointed elsewhere and cannot be deleted while pods use it, so
 * another folder is another volume and claim, made before the pods move over.
 */
function identitySuffix({ fileSystemId, resourceId, namespace, dataset }: DatasetVolumeArgs): string {
  // As a list, which no two different ones are written alike.
  const identity = JSON.stringify([fileSystemId, resourceId, namespace, dataset]);
  return createHash("sha256").update(identity).digest("hex").slice(0, suffixLength);
}

const suffixLength = 8;
/** Longest name that is a label too; claims have room for more, but tools copy their names into labels. */
const claimNameMaxLength = 63;

/** Name of a dataset's volume in one namespace. Without doubt: a namespace has no dot, so the first one parts the two. */
export function datasetVolumeName(namespace: string, dataset: string): string {
  return `${namespace}.${dataset}`;
}

/**
 * A Domino dataset, mounted read-only. Its own access point is rooted at the dataset's folder, so that nothing else of
 * Domino's file system can be reached from the namespace, whatever a pod asks for.
 */
export class DatasetVolume extends pulumi.ComponentResource {
  readonly claimName: pulumi.Output<string>;

  constructor(name: string, args: DatasetVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:storage:DatasetVolume", name, {}, opts);
    checkIdentifiers(args);
    const child = childOptions(this, opts);
    const labels = recommendedLabels({
      name: "dataset-volume",
      instance: args.platform,
      component: "model-storage",
    });
    const suffix = identitySuffix(args);
    const claimName = `${shownName(`dataset-${args.dataset}`, claimNameMaxLength - suffixLength - 1)}-${suffix}`;

    const accessPoint = new AccessPoint(
      `${name}-access-point`,
      {
        fileSystemId: args.fileSystemId,
        posixUser: { uid: dominoUser, gid: dominoUser },
        // Without creation info: a wrong id fails to mount, where it would otherwise create an empty dataset.
        rootDirectory: { path: `/domino/filecache/${args.resourceId}` },
        tags: {
          Name: datasetVolumeName(args.namespace, args.dataset),
          "domino-inference/platform": args.platform,
        },
      },
      child,
    );

    const volume = new PersistentVolume(
      `${name}-volume`,
      {
        // Volumes are not namespaced: the namespace's name keeps those of several stacks apart.
        metadata: { name: `${shownName(`${args.namespace}-${args.dataset}`, 200)}-${suffix}`, labels },
        spec: {
          capacity: { storage: nominalSize },
          accessModes: ["ReadOnlyMany"],
          // The data is Domino's: removing the stack must not touch it.
          persistentVolumeReclaimPolicy: "Retain",
          storageClassName: "",
          // Nobody else's claim can bind it first.
          claimRef: {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            namespace: args.namespace,
            name: claimName,
          },
          mountOptions: ["tls"],
          csi: {
            driver: "efs.csi.aws.com",
            volumeHandle: pulumi.interpolate`${args.fileSystemId}::${accessPoint.id}`,
            readOnly: true,
          },
        },
      },
      child,
    );

    const claim = new PersistentVolumeClaim(
      `${name}-claim`,
      {
        metadata: { name: claimName, namespace: args.namespace, labels },
        spec: {
          accessModes: ["ReadOnlyMany"],
          // Empty, and not absent: the default class would provision a new, empty volume.
          storageClassName: "",
          volumeName: volume.metadata.name,
          resources: { requests: { storage: nominalSize } },
        },
      },
      child,
    );

    this.claimName = claim.metadata.name;
    this.registerOutputs({ claimName: this.claimName });
  }
}

/** Both become parts of paths and handles, where anything else could lead outside the dataset. */
function checkIdentifiers({ dataset, fileSystemId, resourceId }: DatasetVolumeArgs): void {
  const errors = [
    ...(/^fs-[0-9a-f]+$/.test(fileSystemId)
      ? []
      : [{ propertyPath: "fileSystemId", reason: `"${fileSystemId}" is not the id of an EFS file system` }]),
    ...(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(resourceId)
      ? []
      : [{ propertyPath: "resourceId", reason: `"${resourceId}" is not a UUID` }]),
  ];
  if (errors.length > 0)
    throw new pulumi.InputPropertiesError({ message: `dataset "${dataset}" cannot be mounted`, errors });
}
