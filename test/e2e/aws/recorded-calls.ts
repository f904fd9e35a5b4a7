import type { RecordedResource } from "../../components/support/resources-of.ts";
import type { AwsCall } from "./moto.ts";

/** The calls by which the AWS provider of Pulumi creates recorded resources, as far as moto knows them. */

type Inputs = RecordedResource["inputs"];

export function createRole({ inputs }: RecordedResource): AwsCall {
  return {
    service: "iam",
    operation: "create_role",
    parameters: defined({
      RoleName: inputs.name,
      AssumeRolePolicyDocument: inputs.assumeRolePolicy,
      Description: inputs.description,
      MaxSessionDuration: inputs.maxSessionDuration,
      PermissionsBoundary: inputs.permissionsBoundary,
      Tags: tagList(inputs.tags),
    }),
  };
}

/** Sets the trust policy that the role was created with once more: moto looks into it only then. */
export function updateTrustPolicy({ inputs }: RecordedResource): AwsCall {
  return {
    service: "iam",
    operation: "update_assume_role_policy",
    parameters: { RoleName: inputs.name, PolicyDocument: inputs.assumeRolePolicy },
  };
}

export function putRolePolicy({ inputs }: RecordedResource): AwsCall {
  return {
    service: "iam",
    operation: "put_role_policy",
    parameters: { RoleName: inputs.role, PolicyName: inputs.name, PolicyDocument: inputs.policy },
  };
}

export function createAccessPoint({ inputs, name }: RecordedResource): AwsCall {
  const { posixUser, rootDirectory } = inputs;
  return {
    service: "efs",
    operation: "create_access_point",
    parameters: defined({
      ClientToken: name.slice(0, 64),
      FileSystemId: inputs.fileSystemId,
      PosixUser: posixUser && { Uid: posixUser.uid, Gid: posixUser.gid },
      RootDirectory:
        rootDirectory && defined({ Path: rootDirectory.path, CreationInfo: creationInfo(rootDirectory) }),
      Tags: tagList(inputs.tags),
    }),
  };
}

export function createLaunchTemplate({ inputs, name }: RecordedResource): AwsCall {
  return {
    service: "ec2",
    operation: "create_launch_template",
    parameters: {
      LaunchTemplateName: name,
      VersionDescription: inputs.description,
      LaunchTemplateData: defined({
        // The provider turns these texts into booleans.
        BlockDeviceMappings: inputs.blockDeviceMappings?.map(({ deviceName, ebs }: Inputs) => ({
          DeviceName: deviceName,
          Ebs: defined({
            DeleteOnTermination: ebs.deleteOnTermination === "true",
            Encrypted: ebs.encrypted === "true",
            KmsKeyId: ebs.kmsKeyId,
            VolumeSize: ebs.volumeSize,
            VolumeType: ebs.volumeType,
          }),
        })),
        MetadataOptions: inputs.metadataOptions && {
          HttpEndpoint: inputs.metadataOptions.httpEndpoint,
          HttpPutResponseHopLimit: inputs.metadataOptions.httpPutResponseHopLimit,
          HttpTokens: inputs.metadataOptions.httpTokens,
        },
        TagSpecifications: inputs.tagSpecifications?.map(({ resourceType, tags }: Inputs) => ({
          ResourceType: resourceType,
          Tags: tagList(tags),
        })),
        SecurityGroupIds: inputs.vpcSecurityGroupIds,
      }),
      TagSpecifications: [{ ResourceType: "launch-template", Tags: tagList(inputs.tags) }],
    },
  };
}

/** @param launchTemplateId of the launch template that was created for the group */
export function createNodeGroup({ inputs }: RecordedResource, launchTemplateId: string): AwsCall {
  return {
    service: "eks",
    operation: "create_nodegroup",
    parameters: defined({
      clusterName: inputs.clusterName,
      // The provider adds such a suffix.
      nodegroupName: `${inputs.nodeGroupNamePrefix}20260101000000000000000001`,
      amiType: inputs.amiType,
      capacityType: inputs.capacityType,
      instanceTypes: inputs.instanceTypes,
      labels: inputs.labels,
      launchTemplate: { id: launchTemplateId, version: inputs.launchTemplate.version },
      nodeRole: inputs.nodeRoleArn,
      scalingConfig: inputs.scalingConfig,
      subnets: inputs.subnetIds,
      tags: inputs.tags,
      taints: inputs.taints,
      updateConfig: inputs.updateConfig,
    }),
  };
}

function creationInfo({ creationInfo: info }: Inputs): object | undefined {
  return info && { OwnerUid: info.ownerUid, OwnerGid: info.ownerGid, Permissions: info.permissions };
}

function tagList(tags: Readonly<Record<string, string>> | undefined): object[] | undefined {
  return tags && Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function defined(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
