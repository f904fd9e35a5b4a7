import {
  engineServiceAccount,
  stagingServiceAccount,
  type StagingTarget,
} from "../components/engines/engine-args.ts";
import type { ModelSource } from "../components/engines/model-source.ts";
import {
  ServiceAccountRole,
  type ServiceAccountRoleArgs,
} from "../components/identity/service-account-role.ts";
import { BucketVolume } from "../components/storage/bucket-volume.ts";
import { DatasetVolume, datasetVolumeName } from "../components/storage/dataset-volume.ts";
import { LustreVolume, lustrePorts } from "../components/storage/lustre-volume.ts";
import type { VolumeAccess } from "../components/storage/static-claim.ts";
import type { StagedSource } from "../platform/engines/engine-profile.ts";
import { engineProfiles } from "../platform/engines/registry.ts";
import type { EnginePlan, PlatformPlan, ReplicaGroupPlan } from "../platform/plan/platform-plan.ts";
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
        const roleArns = this.#roles(engine, storage);
        if (storage.access === "mount") {
          return { kind: "volume", claimName: this.#bucket(engine, storage), path: "", roleArns };
        }
        const { bucket, prefix, access } = storage;
        return { kind: "s3", roleArns, bucket, prefix, region: cluster.region, access };
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

  /** Where versions of an engine are brought that lie elsewhere; nothing where none do. */
  staging(engine: EnginePlan): StagingTarget | undefined {
    const { plan, cluster } = this.#inputs;
    const groups = plan.groups.filter((group) => group.engine === engine.name);
    const sources = engineProfiles[engine.type].staged?.(groups) ?? [];
    if (sources.length === 0) return undefined;
    const roleArn = this.#role(`${engine.name}-staging`, {
      roleName: `${cluster.name}-${plan.platform}-${engine.name}.staging`,
      description: `Engine ${engine.name} of ${plan.platform}: reads the versions that are brought onto its volume`,
      serviceAccounts: [{ namespace: engine.namespace, name: stagingServiceAccount(engine) }],
      sources,
    });
    this.roleArns[`staging/${engine.name}`] = roleArn;
    return { ...this.volume(engine, "read-write"), roleArn, region: cluster.region };
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

  #roles(engine: EnginePlan, { bucket, prefix }: S3Storage): Record<string, pulumi.Output<string>> {
    const { plan, cluster } = this.#inputs;
    const groups = plan.groups.filter((group) => group.engine === engine.name);
    return Object.assign(
      {},
      ...inRoles(groups).map((some, index) => {
        // With a dot, which no engine has in its name.
        const suffix = index === 0 ? "" : `.${index + 1}`;
        const roleArn = this.#role(`${engine.name}-models${suffix}`, {
          roleName: `${cluster.name}-${plan.platform}-${engine.name}${suffix}`,
          description: `Engine ${engine.name} of ${plan.platform}: reads s3://${bucket}/${prefix}`,
          serviceAccounts: some.map((group) => ({
            namespace: group.namespace,
            name: engineServiceAccount(group),
          })),
          sources: [{ bucket, prefix }],
        });
        this.roleArns[`engine/${engine.name}${suffix}`] = roleArn;
        return Object.fromEntries(some.map(({ name }) => [name, roleArn]));
      }),
    );
  }

  #role(
    name: string,
    {
      sources,
      ...role
    }: Pick<ServiceAccountRoleArgs, "roleName" | "description" | "serviceAccounts"> & {
      readonly sources: readonly StagedSource[];
    },
  ): pulumi.Output<string> {
    const { cluster, providers } = this.#inputs;
    const [first, ...others] = sources;
    const further = [...new Set(others.map(({ prefix }) => prefix))];
    return new ServiceAccountRole(
      name,
      {
        ...role,
        accountId: cluster.accountId,
        oidcIssuer: cluster.oidcIssuer,
        s3: {
          bucket: first?.bucket ?? "",
          prefix: first?.prefix ?? "",
          ...(further.length > 0 ? { furtherPrefixes: further } : {}),
          access: "read",
          kmsKeyArn: cluster.kmsKeyArn,
          region: cluster.region,
        },
      },
      { ...(providers ? { providers } : {}) },
    ).roleArn;
  }
}

/**
 * Groups that one role can name: IAM bounds its trust policy to 2,048 characters, of which the service accounts get
 * what the provider's names, which come twice, leave for sure.
 */
function inRoles(groups: readonly ReplicaGroupPlan[]): readonly (readonly ReplicaGroupPlan[])[] {
  const roles: ReplicaGroupPlan[][] = [];
  let room = 0;
  for (const group of groups) {
    const length = `"system:serviceaccount:${group.namespace}:${engineServiceAccount(group)}",`.length;
    if (length > room) {
      roles.push([]);
      room = subjectsMaxLength;
    }
    roles.at(-1)?.push(group);
    room -= length;
  }
  return roles;
}

const subjectsMaxLength = 1_400;

type S3Storage = Extract<EnginePlan["storage"], { kind: "s3" }>;

const nfsPort = 2049;
