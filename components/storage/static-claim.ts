import type * as pulumi from "@pulumi/pulumi";
import { PersistentVolume, PersistentVolumeClaim } from "@pulumi/kubernetes/core/v1/index.js";

export type VolumeAccess = "read-only" | "read-write";

/** A volume that is there already, for one claim of one namespace. */
export interface StaticVolume {
  readonly namespace: string;
  readonly claimName: string;
  readonly volumeName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly access: VolumeAccess;
  readonly mountOptions?: readonly string[];
  /** Name of the CSI driver. */
  readonly driver: string;
  /** Unique in the cluster. */
  readonly volumeHandle: pulumi.Input<string>;
  readonly volumeAttributes?: Readonly<Record<string, string>>;
}

/** Network storage has no size; Kubernetes wants one, and volume and claim must agree. */
const nominalSize = "1Ti";

/** The volume and its claim. */
export function staticClaim(
  name: string,
  volume: StaticVolume,
  child: pulumi.CustomResourceOptions,
): PersistentVolumeClaim {
  const { namespace, claimName, labels } = volume;
  const readOnly = volume.access === "read-only";
  const accessModes = [readOnly ? "ReadOnlyMany" : "ReadWriteMany"];
  const persistent = new PersistentVolume(
    `${name}-volume`,
    {
      metadata: { name: volume.volumeName, labels: { ...labels } },
      spec: {
        capacity: { storage: nominalSize },
        accessModes,
        // The data is not the stack's: removing the stack must not touch it.
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "",
        // Nobody else's claim can bind it first.
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claimName },
        ...(volume.mountOptions ? { mountOptions: [...volume.mountOptions] } : {}),
        csi: {
          driver: volume.driver,
          volumeHandle: volume.volumeHandle,
          readOnly,
          ...(volume.volumeAttributes ? { volumeAttributes: { ...volume.volumeAttributes } } : {}),
        },
      },
    },
    child,
  );
  return new PersistentVolumeClaim(
    `${name}-claim`,
    {
      metadata: { name: claimName, namespace, labels: { ...labels } },
      spec: {
        accessModes,
        // Empty, and not absent: the default class would provision a new, empty volume.
        storageClassName: "",
        volumeName: persistent.metadata.name,
        resources: { requests: { storage: nominalSize } },
      },
    },
    child,
  );
}
