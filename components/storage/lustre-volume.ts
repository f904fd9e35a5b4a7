import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { shownName } from "../names.ts";
import { staticClaim, type VolumeAccess } from "./static-claim.ts";

export interface LustreVolumeArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** Namespace of the claim. */
  readonly namespace: string;
  readonly fileSystemId: string;
  /** Name that the file system is mounted by, such as `fs-0abc1234.fsx.us-west-2.amazonaws.com`. */
  readonly dnsName: string;
  /** Mount name of the file system. */
  readonly mountName: string;
  /** @default read-only: whoever can write models can run code in the engines */
  readonly access?: VolumeAccess;
}

/** Ports of Lustre, as FSx's security groups need them. */
export const lustrePorts = [{ port: 988 }, { port: 1018, endPort: 1023 }] as const;

/** An FSx for Lustre file system that is there already. */
export class LustreVolume extends pulumi.ComponentResource {
  readonly claimName: pulumi.Output<string>;

  constructor(name: string, args: LustreVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:storage:LustreVolume", name, {}, opts);
    const access = args.access ?? "read-only";
    // A volume cannot be pointed elsewhere, nor deleted while pods use it: another address is another volume.
    const identity = JSON.stringify([
      args.namespace,
      args.fileSystemId,
      args.dnsName,
      args.mountName,
      access,
    ]);
    const own = `${args.fileSystemId}-${createHash("sha256").update(identity).digest("hex").slice(0, 8)}`;
    const claim = staticClaim(
      name,
      {
        namespace: args.namespace,
        claimName: shownName(`fsx-${own}`, 63),
        volumeName: shownName(`${args.namespace}-${own}`, 200),
        labels: recommendedLabels({
          name: "lustre-volume",
          instance: args.platform,
          component: "model-storage",
        }),
        access,
        mountOptions: ["flock"],
        driver: "fsx.csi.aws.com",
        // Handles are unique in a cluster; a file system may be mounted in several namespaces.
        volumeHandle: own,
        volumeAttributes: { dnsname: args.dnsName, mountname: args.mountName },
      },
      childOptions(this, opts),
    );
    this.claimName = claim.metadata.name;
    this.registerOutputs({ claimName: this.claimName });
  }
}
