import { engineServiceAccount } from "../components/engines/engine-args.ts";
import type { ModelSource } from "../components/engines/model-source.ts";
import { ServiceAccountRole } from "../components/identity/service-account-role.ts";
import { BucketVolume } from "../components/storage/bucket-volume.ts";
import { DatasetVolume, datasetVolumeName } from "../components/storage/dataset-volume.ts";
import { LustreVolume, lustrePorts } from "../components/storage/lustre-volume.ts";
import type { VolumeAccess } from "../components/storage/static-claim.ts";
import { engineProfiles } from "../platform/engines/registry.ts";
import type { EnginePlan, PlatformPlan } from "../platform/plan/platform-plan.ts";
import type { ExistingClusterSpec } from "../platform/spec/schema.ts";
import type * as pulumi from "@pulumi/pulumi";

export interface ModelSourcesInputs {
  readonly plan: PlatformPlan;
  readonly cluster: ExistingClusterSpec;
  /** Resource id of each dataset, by name. */
  readonly datasets: ReadonlyMap<string, string>;
  /** Options of what lives in a namespace. */
  readonly inNamespace: (namespace: string) => pulumi.ComponentResourceOptions;
  readonly providers: pulumi.ComponentResourceOptions["providers"];
}

/** Makes what engines read their models from, each volume once a namespace. */
export class ModelSources {
  readonly #inputs: ModelSourcesInputs;
  readonly #claims = new Map<string, pulumi.Output<string>>();
  readonly roleArns: Record<string, pulumi.Output<string>> = {};

  constructor(inputs: ModelSourcesInputs) {
    this.#inputs = inputs;
  }

  /** What an engine reads. */
  of(engine: EnginePlan): ModelSource {
    const { storage } = engine;
    const { cluster } = this.#inputs;
    switch (storage.kind) {
      case "dataset":
      case "fsx":
      case "pvc":
        return { ...this.volume(engine, "read-only"), kind: "volume" };
      case "hugging-face":
        return {
          kind: "hugging-face",
          ...(storage.tokenSecret ? { tokenSecret: storage.tokenSecret } : {}),
        };
      case "image":
        return { kind: "image", reference: storage.reference };
      case "s3": {
        const roleArn = this.#role(engine, storage);
        if (storage.access === "mount") {
          return { kind: "volume", claimName: this.#bucket(engine, storage), path: "", roleArn };
        }
        const { bucket, prefix, access } = storage;
        return { kind: "s3", roleArn, bucket, prefix, region: cluster.region, access };
      }
    }
  }

  /** The claim on a file system that an engine's models lie on, and where in it. */
  volume(engine: EnginePlan, access: VolumeAccess): Omit<Extract<ModelSource, { kind: "volume" }>, "kind"> {
    const { storage, namespace } = engine;
    const { plan, cluster } = this.#inputs;
    const cidrs = cluster.privateSubnets.map((subnet) => subnet.cidr);
    const suffix = access === "read-write" ? ".write" : "";
    switch (storage.kind) {
      case "dataset": {
        const name = `${datasetVolumeName(namespace, storage.dataset)}${suffix}`;
        const claimName = this.#once(
          name,
          () =>
            new DatasetVolume(
              name,
              {
                platform: plan.platform,
                namespace,
                dataset: storage.dataset,
                fileSystemId: cluster.efs?.fileSystemId ?? "",
                resourceId: this.#inputs.datasets.get(storage.dataset) ?? "",
                ...(access === "read-write" ? { access } : {}),
              },
              this.#inputs.inNamespace(namespace),
            ),
        );
        return { claimName, path: storage.path, fileSystem: { cidrs, ports: [{ port: nfsPort }] } };
      }
      case "fsx": {
        const { fileSystemId, dnsName, mountName, path } = storage;
        const name = `${namespace}.${fileSystemId}${suffix}`;
        const claimName = this.#once(
          name,
          () =>
            new LustreVolume(
              name,
              { platform: plan.platform, namespace, fileSystemId, dnsName, mountName, access },
              this.#inputs.inNamespace(namespace),
            ),
        );
        return { claimName, path, fileSystem: { cidrs, ports: lustrePorts } };
      }
      case "pvc":
        return { claimName: storage.claim, path: storage.path };
      default:
        throw new RangeError(`${storage.kind} is no file system`);
    }
  }

  #once(name: string, make: () => { readonly claimName: pulumi.Output<string> }): pulumi.Output<string> {
    const known = this.#claims.get(name) ?? make().claimName;
    this.#claims.set(name, known);
    return known;
  }

  #bucket(engine: EnginePlan, storage: S3Storage): pulumi.Output<string> {
    const { runAs } = engineProfiles[engine.type];
    return new BucketVolume(
      `${engine.name}-bucket`,
      {
        platform: this.#inputs.plan.platform,
        namespace: engine.namespace,
        engine: engine.name,
        bucket: storage.bucket,
        prefix: storage.prefix,
        region: this.#inputs.cluster.region,
        ...runAs,
      },
      this.#inputs.inNamespace(engine.namespace),
    ).claimName;
  }

  #role(engine: EnginePlan, storage: S3Storage): pulumi.Output<string> {
    const { plan, cluster, providers } = this.#inputs;
    const role = new ServiceAccountRole(
      `${engine.name}-models`,
      {
        roleName: `${cluster.name}-${plan.platform}-${engine.name}`,
        description: `Engine ${engine.name} of ${plan.platform}: reads s3://${storage.bucket}/${storage.prefix}`,
        accountId: cluster.accountId,
        oidcIssuer: cluster.oidcIssuer,
        serviceAccounts: plan.groups
          .filter((group) => group.engine === engine.name)
          .map((group) => ({ namespace: group.namespace, name: engineServiceAccount(group) })),
        s3: {
          bucket: storage.bucket,
          prefix: storage.prefix,
          access: "read",
          kmsKeyArn: cluster.kmsKeyArn,
          region: cluster.region,
        },
      },
      { ...(providers ? { providers } : {}) },
    );
    this.roleArns[`engine/${engine.name}`] = role.roleArn;
    return role.roleArn;
  }
}

type S3Storage = Extract<EnginePlan["storage"], { kind: "s3" }>;

const nfsPort = 2049;
