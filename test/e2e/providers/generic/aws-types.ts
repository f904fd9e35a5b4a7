import { arnOf } from "./cloud-account.ts";
import { randomCapitals, randomHex, text, type ResourceFacts, type ResourceType } from "./resource-type.ts";

const kubernetesVersion = "1.34";

/** The types of the platform, with what of AWS's own behaviour an update depends on. */
export const awsTypes: Readonly<Record<string, ResourceType>> = {
  "aws:iam/role:Role": {
    nameProperty: "name",
    prefixProperty: "namePrefix",
    nameMaxLength: 64,
    replacedBy: ["name", "namePrefix", "path"],
    tagged: true,
    unique: {
      key: ({ name }) => name,
      refusal: (name) => `EntityAlreadyExists: Role with name ${name} already exists.`,
    },
    id: ({ name }) => name,
    outputs: (facts) => ({
      arn: arnOf(facts.account, "iam", `role${text(facts, "path") || "/"}${facts.name}`, "global"),
      uniqueId: `AROA${randomCapitals(17)}`,
      createDate: new Date().toISOString(),
      path: text(facts, "path") || "/",
      maxSessionDuration: facts.inputs.maxSessionDuration ?? 3600,
    }),
  },
  "aws:iam/rolePolicy:RolePolicy": {
    nameProperty: "name",
    prefixProperty: "namePrefix",
    nameMaxLength: 128,
    replacedBy: ["name", "namePrefix", "role"],
    overwrites: true,
    id: (facts) => `${text(facts, "role")}:${facts.name}`,
    outputs: () => ({}),
  },
  "aws:efs/accessPoint:AccessPoint": {
    replacedBy: ["fileSystemId", "posixUser", "rootDirectory"],
    tagged: true,
    id: () => `fsap-${randomHex(17)}`,
    outputs: (facts, id) => ({
      arn: arnOf(facts.account, "elasticfilesystem", `access-point/${id}`),
      fileSystemArn: arnOf(facts.account, "elasticfilesystem", `file-system/${text(facts, "fileSystemId")}`),
      ownerId: facts.account.accountId,
      region: facts.account.region,
    }),
  },
  "aws:ec2/launchTemplate:LaunchTemplate": {
    nameProperty: "name",
    prefixProperty: "namePrefix",
    nameMaxLength: 125,
    replacedBy: ["name", "namePrefix"],
    tagged: true,
    unique: {
      key: ({ name }) => name,
      refusal: () => "InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use.",
    },
    id: () => `lt-${randomHex(17)}`,
    outputs: (facts, id) => ({
      arn: arnOf(facts.account, "ec2", `launch-template/${id}`),
      latestVersion: 1,
      defaultVersion: 1,
      region: facts.account.region,
    }),
    updated: (before) => {
      const latestVersion = Number(before.latestVersion) + 1;
      return {
        latestVersion,
        ...(before.updateDefaultVersion === true ? { defaultVersion: latestVersion } : {}),
      };
    },
  },
  "aws:eks/nodeGroup:NodeGroup": {
    nameProperty: "nodeGroupName",
    prefixProperty: "nodeGroupNamePrefix",
    nameMaxLength: 63,
    replacedBy: [
      "amiType",
      "capacityType",
      "clusterName",
      "diskSize",
      "instanceTypes",
      "launchTemplate.id",
      "launchTemplate.name",
      "nodeGroupName",
      "nodeGroupNamePrefix",
      "nodeRoleArn",
      "remoteAccess",
      "subnetIds",
    ],
    tagged: true,
    unique: {
      key: nodeGroupKey,
      refusal: (key) => {
        const [cluster = "", group = ""] = key.split(":");
        return `ResourceInUseException: NodeGroup already exists with name ${group} and cluster name ${cluster}`;
      },
    },
    id: nodeGroupKey,
    outputs: (facts) => {
      const suffix = `${randomHex(8)}-${randomHex(4)}-${randomHex(4)}-${randomHex(4)}-${randomHex(12)}`;
      return {
        arn: arnOf(facts.account, "eks", `nodegroup/${text(facts, "clusterName")}/${facts.name}/${suffix}`),
        resources: [
          {
            autoscalingGroups: [{ name: `eks-${facts.name}-${suffix}` }],
            remoteAccessSecurityGroupId: "",
          },
        ],
        status: "ACTIVE",
        version: kubernetesVersion,
        releaseVersion: `${kubernetesVersion}.1-20261101`,
        region: facts.account.region,
      };
    },
  },
  "aws:autoscaling/tag:Tag": {
    replacedBy: ["autoscalingGroupName", "tag.key"],
    overwrites: true,
    id: (facts) => `${text(facts, "autoscalingGroupName")},${tagKey(facts)}`,
    outputs: (facts) => ({ region: facts.account.region }),
  },
};

/** Every other type: something with a name, an id and an ARN. */
export function otherType(token: string): ResourceType {
  const kind = token.split(":").at(-1) ?? "resource";
  return {
    nameProperty: "name",
    replacedBy: ["name"],
    tagged: true,
    id: () => `${kind.toLowerCase()}-${randomHex(17)}`,
    outputs: (facts, id) => ({
      arn: arnOf(facts.account, token.split(":")[1]?.split("/")[0] ?? "", `${kind.toLowerCase()}/${id}`),
    }),
  };
}

function nodeGroupKey(facts: ResourceFacts): string {
  return `${text(facts, "clusterName")}:${facts.name}`;
}

function tagKey(facts: ResourceFacts): string {
  const tag = facts.inputs.tag as { readonly key?: string } | undefined;
  return tag?.key ?? "";
}
