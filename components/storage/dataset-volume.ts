import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { AccessPoint } from "@pulumi/aws/efs/index.js";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { shownName } from "../names.ts";
import { staticClaim, type VolumeAccess } from "./static-claim.ts";

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
  /**
   * `read-write` for jobs that put models there.
   * @default read-only: whoever can write models can run code in the engines
   */
  readonly access?: VolumeAccess;
}

/** User and group that Domino's runs write datasets as. */
const dominoUser = 12574;

/**
 * What tells volumes apart: by namespace and dataset, whose readable forms may become one when they are joined or lose
 * characters, and by the folder. A volume cannot be pointed elsewhere and cannot be deleted while pods use it, so
 * another folder is another volume and claim, made before the pods move over.
 */
function identitySuffix({ fileSystemId, resourceId, namespace, dataset, access }: DatasetVolumeArgs): string {
  // As a list, which no two different ones are written alike.
  const identity = JSON.stringify([
    ...[fileSystemId, resourceId, namespace, dataset],
    ...(access === "read-write" ? [access] : []),
  ]);
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
 * A Domino dataset. Its own access point is rooted at the dataset's folder, so that nothing else of
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

    const claim = staticClaim(
      name,
      {
        namespace: args.namespace,
        claimName,
        // Volumes are not namespaced: the namespace's name keeps those of several stacks apart.
        volumeName: `${shownName(`${args.namespace}-${args.dataset}`, 200)}-${suffix}`,
        labels,
        access: args.access ?? "read-only",
        mountOptions: ["tls"],
        driver: "efs.csi.aws.com",
        volumeHandle: pulumi.interpolate`${args.fileSystemId}::${accessPoint.id}`,
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
