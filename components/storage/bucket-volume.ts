import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { shownName } from "../names.ts";
import { staticClaim } from "./static-claim.ts";

export interface BucketVolumeArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** Namespace of the claim. */
  readonly namespace: string;
  /** Name of the engine that reads it: its user and its role are the mount's. */
  readonly engine: string;
  readonly bucket: string;
  /** Without leading or trailing slash; may be empty. */
  readonly prefix: string;
  readonly region: string;
  /** User and group that the engine runs as; others may not read. */
  readonly userId: number;
  readonly groupId: number;
}

/**
 * A prefix of a bucket as a read-only file system, by the driver of Mountpoint for S3. The driver mounts with the role
 * of the pod that asks, so that no role of the node or the driver opens other prefixes.
 */
export class BucketVolume extends pulumi.ComponentResource {
  readonly claimName: pulumi.Output<string>;

  constructor(name: string, args: BucketVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:storage:BucketVolume", name, {}, opts);
    // A volume cannot be pointed elsewhere, nor deleted while pods use it: another folder is another volume.
    const own = `${args.engine}-${identityOf(args)}`;
    const claim = staticClaim(
      name,
      {
        namespace: args.namespace,
        claimName: shownName(`bucket-${own}`, 63),
        volumeName: shownName(`${args.namespace}-bucket-${own}`, 200),
        labels: recommendedLabels({
          name: "bucket-volume",
          instance: args.platform,
          component: "model-storage",
        }),
        access: "read-only",
        mountOptions: [
          "read-only",
          `region ${args.region}`,
          ...(args.prefix === "" ? [] : [`prefix ${args.prefix}/`]),
          // Engines do not run as the driver's user.
          "allow-other",
          `uid=${args.userId}`,
          `gid=${args.groupId}`,
        ],
        driver: "s3.csi.aws.com",
        // Kubelets tell volumes apart by it, over all namespaces.
        volumeHandle: `${args.namespace}-bucket-${own}`,
        volumeAttributes: {
          bucketName: args.bucket,
          authenticationSource: "pod",
          stsRegion: args.region,
        },
      },
      childOptions(this, opts),
    );
    this.claimName = claim.metadata.name;
    this.registerOutputs({ claimName: this.claimName });
  }
}

/** As a list, which no two different ones are written alike. */
function identityOf({
  namespace,
  engine,
  bucket,
  prefix,
  region,
  userId,
  groupId,
}: BucketVolumeArgs): string {
  const identity = JSON.stringify([namespace, engine, bucket, prefix, region, userId, groupId]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 8);
}
