import { beforeAll, describe, expect, test } from "vitest";
import { GpuNodeGroup, type GpuNodeGroupArgs } from "../../../components/cluster/gpu-node-group.ts";
import { only, resourcesOf, type RecordedResource } from "../support/resources-of.ts";

const args: GpuNodeGroupArgs = {
  clusterName: "acme",
  platform: "acme-dev",
  pool: "acme-dev-p5.48xlarge",
  accelerator: "H100-80G",
  instanceType: "p5.48xlarge",
  gpusPerNode: 8,
  minNodes: 2,
  desiredNodes: 2,
  maxNodes: 3,
  nodeRoleArn: "arn:aws:iam::123456789012:role/acme-eks-nodes",
  subnetIds: ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
  nodeSecurityGroupId: "sg-0a1b2c3d",
  kmsKeyArn: "arn:aws:kms:us-west-2:123456789012:key/1",
};

describe("a GPU node group", () => {
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    resources = await resourcesOf(() => new GpuNodeGroup("pool", args));
  });
  const template = () => only(resources, ":LaunchTemplate").inputs;
  const group = () => only(resources, ":NodeGroup").inputs;

  test("demands IMDSv2 and keeps pods one hop away from the node's role", () => {
    expect(template().metadataOptions).toEqual({
      httpEndpoint: "enabled",
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
    });
  });

  test("encrypts its disks with the deployment's key", () => {
    expect(template().blockDeviceMappings).toEqual([
      {
        deviceName: "/dev/xvda",
        ebs: {
          volumeType: "gp3",
          volumeSize: 200,
          encrypted: "true",
          kmsKeyId: args.kmsKeyArn,
          deleteOnTermination: "true",
        },
      },
    ]);
  });

  test("carries Domino's node security group, the only one that its EFS admits", () => {
    expect(template().vpcSecurityGroupIds).toEqual(["sg-0a1b2c3d"]);
  });

  test("carries the platform's budget as a tag where there is one, for policies that see only the cloud", async () => {
    expect(group().tags).not.toHaveProperty(["domino-inference/budget-usd-per-hour"]);
    const budgeted = await resourcesOf(() => new GpuNodeGroup("pool", { ...args, budgetUsdPerHour: 20 }));
    expect(only(budgeted, ":NodeGroup").inputs.tags).toMatchObject({
      "domino-inference/budget-usd-per-hour": "20",
    });
  });

  test("leaves image and user data to EKS", () => {
    expect(template()).not.toHaveProperty("imageId");
    expect(template()).not.toHaveProperty("userData");
    expect(group().amiType).toBe("AL2023_x86_64_NVIDIA");
  });

  test("takes all sizes from the plan, so that a larger minimum never meets a smaller desired size", () => {
    expect(group().scalingConfig).toEqual({ minSize: 2, desiredSize: 2, maxSize: 3 });
  });

  test("is one on-demand instance type on the private subnets, under the nodes' role", () => {
    expect(group()).toMatchObject({
      clusterName: "acme",
      capacityType: "ON_DEMAND",
      instanceTypes: ["p5.48xlarge"],
      subnetIds: args.subnetIds,
      nodeRoleArn: args.nodeRoleArn,
      updateConfig: { maxUnavailable: 1 },
    });
  });

  test("buys spot nodes where the plan does; reserved ones on demand, as AWS bills them by the reservation", async () => {
    const capacityOf = async (purchase: "spot" | "reserved") =>
      only(await resourcesOf(() => new GpuNodeGroup("pool", { ...args, purchase })), ":NodeGroup").inputs
        .capacityType;
    expect(await capacityOf("spot")).toBe("SPOT");
    expect(await capacityOf("reserved")).toBe("ON_DEMAND");
  });

  test("has a name prefix that EKS takes, so that a replacement can be created first", () => {
    expect(group().nodeGroupNamePrefix).toBe("acme-dev-p5-48xlarge-");
    expect(group()).not.toHaveProperty("nodeGroupName");
  });

  test("labels and taints its nodes as Domino and the engines expect", () => {
    expect(group().labels).toEqual({
      "dominodatalab.com/node-pool": "acme-dev-p5.48xlarge",
      "dominodatalab.com/domino-node": "true",
      "nvidia.com/gpu": "true",
      "domino-inference/platform": "acme-dev",
      "domino-inference/accelerator": "H100-80G",
    });
    expect(group().taints).toEqual([{ key: "nvidia.com/gpu", value: "true", effect: "NO_SCHEDULE" }]);
  });

  test("tells a cluster autoscaler what a new node looks like, on the Auto Scaling group where it reads", () => {
    const tags = resources.filter(({ type }) => type.endsWith(":Tag")).map(({ inputs }) => inputs);
    expect(Object.fromEntries(tags.map(({ tag }) => [tag.key, tag.value]))).toEqual({
      "k8s.io/cluster-autoscaler/node-template/label/dominodatalab.com/node-pool": "acme-dev-p5.48xlarge",
      "k8s.io/cluster-autoscaler/node-template/label/dominodatalab.com/domino-node": "true",
      "k8s.io/cluster-autoscaler/node-template/label/nvidia.com/gpu": "true",
      "k8s.io/cluster-autoscaler/node-template/label/domino-inference/platform": "acme-dev",
      "k8s.io/cluster-autoscaler/node-template/label/domino-inference/accelerator": "H100-80G",
      "k8s.io/cluster-autoscaler/node-template/taint/nvidia.com/gpu": "true:NoSchedule",
      "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu": "8",
    });
    expect(new Set(tags.map((tag) => tag.autoscalingGroupName))).toEqual(
      new Set(["<autoscaling-group:pool-nodes>"]),
    );
  });

  describe("whose cards are cut", () => {
    let sliced: readonly RecordedResource[];
    beforeAll(async () => {
      sliced = await resourcesOf(
        () =>
          new GpuNodeGroup("pool", {
            ...args,
            pool: "acme-dev-p5-48xlarge-1g-10gb",
            accelerator: "H100-80G-1g.10gb",
            device: { kind: "mig", profile: "1g.10gb", card: "H100-80G", perCard: 7 },
            gpusPerNode: 56,
          }),
      );
    });

    test("is one of GPU nodes that the MIG manager cuts alike", () => {
      const { amiType, labels, taints } = only(sliced, ":NodeGroup").inputs;
      expect(amiType).toBe("AL2023_x86_64_NVIDIA");
      expect(labels).toEqual({
        "dominodatalab.com/node-pool": "acme-dev-p5-48xlarge-1g-10gb",
        "dominodatalab.com/domino-node": "true",
        "nvidia.com/gpu": "true",
        "nvidia.com/mig.config": "all-1g.10gb",
        "domino-inference/platform": "acme-dev",
        "domino-inference/accelerator": "H100-80G-1g.10gb",
      });
      expect(taints).toEqual([{ key: "nvidia.com/gpu", value: "true", effect: "NO_SCHEDULE" }]);
    });

    test("tells a cluster autoscaler of slices, not of cards", () => {
      expect(autoscalerHints(sliced)).toMatchObject({
        "label/nvidia.com/mig.config": "all-1g.10gb",
        "taint/nvidia.com/gpu": "true:NoSchedule",
        "resources/nvidia.com/mig-1g.10gb": "56",
      });
      expect(autoscalerHints(sliced)).not.toHaveProperty(["resources/nvidia.com/gpu"]);
    });
  });

  describe("without GPUs", () => {
    let plain: readonly RecordedResource[];
    beforeAll(async () => {
      plain = await resourcesOf(
        () =>
          new GpuNodeGroup("pool", {
            ...args,
            pool: "acme-dev-m7i-2xlarge",
            accelerator: "CPU",
            device: { kind: "cpu", cpuMillis: 3000 },
            instanceType: "m7i.2xlarge",
            gpusPerNode: 2,
          }),
      );
    });

    test("runs EKS's plain image, and keeps other pods away by a taint of the platform's own", () => {
      const { amiType, instanceTypes, labels, taints } = only(plain, ":NodeGroup").inputs;
      expect(amiType).toBe("AL2023_x86_64_STANDARD");
      expect(instanceTypes).toEqual(["m7i.2xlarge"]);
      expect(labels).toEqual({
        "dominodatalab.com/node-pool": "acme-dev-m7i-2xlarge",
        "dominodatalab.com/domino-node": "true",
        "domino-inference/platform": "acme-dev",
        "domino-inference/accelerator": "CPU",
      });
      expect(taints).toEqual([{ key: "domino-inference/engines", value: "true", effect: "NO_SCHEDULE" }]);
      expect(only(plain, ":LaunchTemplate").inputs.description).toBe("CPU nodes of acme-dev-m7i-2xlarge");
    });

    test("promises a cluster autoscaler no GPU", () => {
      expect(autoscalerHints(plain)).toEqual({
        "label/dominodatalab.com/node-pool": "acme-dev-m7i-2xlarge",
        "label/dominodatalab.com/domino-node": "true",
        "label/domino-inference/platform": "acme-dev",
        "label/domino-inference/accelerator": "CPU",
        "taint/domino-inference/engines": "true:NoSchedule",
      });
    });
  });

  test("bounds a long name prefix to what EKS takes", async () => {
    const long = await resourcesOf(
      () => new GpuNodeGroup("pool", { ...args, pool: "a-very-long-platform-name-g6e-12xlarge" }),
    );
    expect(only(long, ":NodeGroup").inputs.nodeGroupNamePrefix).toHaveLength(37);
  });

  test("refuses sizes that contradict each other, with all three values", async () => {
    await expect(
      resourcesOf(() => new GpuNodeGroup("pool", { ...args, desiredNodes: 4 })),
    ).rejects.toMatchObject({
      propertyPath: "desiredNodes",
      reason: "desiredNodes=4 is not between minNodes=2 and maxNodes=3",
    });
  });
});

/** What the tags of the Auto Scaling group say of a new node. */
function autoscalerHints(resources: readonly RecordedResource[]): Record<string, string> {
  const tags = resources.filter(({ type }) => type.endsWith(":Tag")).map(({ inputs }) => inputs.tag);
  return Object.fromEntries(
    tags.map(({ key, value }) => [key.replace("k8s.io/cluster-autoscaler/node-template/", ""), value]),
  );
}
