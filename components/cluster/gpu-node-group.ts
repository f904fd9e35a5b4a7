import * as pulumi from "@pulumi/pulumi";
import { Tag } from "@pulumi/aws/autoscaling/index.js";
import { LaunchTemplate } from "@pulumi/aws/ec2/index.js";
import { NodeGroup } from "@pulumi/aws/eks/index.js";
import type { PartialDevice } from "../../optimizer/catalog/catalog.ts";
import { deviceResource, migConfig } from "../../platform/plan/devices.ts";
import { childOptions } from "../child-options.ts";
import { labelValue } from "../labels.ts";
import { boundedName } from "../names.ts";
import { acceleratorLabel, migConfigLabel, nodePoolLabel, nodeTaint, platformLabel } from "./node-labels.ts";

export interface GpuNodeGroupArgs {
  /** Name of the EKS cluster. */
  readonly clusterName: string;
  /** Name of the platform that the nodes are for. */
  readonly platform: string;
  /** Name of the node pool: the value of `dominodatalab.com/node-pool`, and the start of the node group's name. */
  readonly pool: string;
  /** Accelerator of the nodes, as plans name it. */
  readonly accelerator: string;
  /**
   * What the accelerator is: slices of cards that NVIDIA's MIG manager cuts, or shares of nodes without GPUs.
   * @default whole cards
   */
  readonly device?: PartialDevice;
  /** EC2 instance type. */
  readonly instanceType: string;
  /**
   * How nodes are bought. Reserved ones are bought on demand: AWS bills them by the reservation that covers them.
   * @default on demand
   */
  readonly purchase?: "spot" | "reserved";
  /** Accelerators of one node: GPUs, or slices of them. */
  readonly gpusPerNode: number;
  /** Fewest nodes. */
  readonly minNodes: number;
  /** Nodes that the planned replicas were packed onto. */
  readonly desiredNodes: number;
  /** Most nodes: what a cluster autoscaler may grow to. */
  readonly maxNodes: number;
  /** Role of the nodes. */
  readonly nodeRoleArn: string;
  /** Private subnets, each in another zone. */
  readonly subnetIds: readonly string[];
  /** Domino's node security group: its EFS and its control plane admit no other. */
  readonly nodeSecurityGroupId: string;
  /** Key that encrypts the nodes' disks. */
  readonly kmsKeyArn: string;
  /**
   * Most that all node groups of the platform may cost an hour, in USD: a tag by which policies that see only the
   * cloud's resources know the budget.
   * @default no tag
   */
  readonly budgetUsdPerHour?: number;
  /**
   * Root disk in GiB. Holds the images (tens of GiB each for inference servers) and the pods' scratch space.
   * @default 200
   */
  readonly rootVolumeGiB?: number;
}

/** The longest prefix that EKS takes before its own suffix. */
const namePrefixMaxLength = 37;

/**
 * An EKS managed node group with one type of node: with whole GPUs, with GPUs that are all cut into the same slices, or
 * without GPUs.
 *
 * The plan owns all three sizes. Replicas are the plan's too, so the nodes they were packed onto are what is desired;
 * were `desiredSize` ignored, EKS would refuse an update that raises the minimum above the size it still has. A cluster
 * autoscaler may add nodes up to the maximum in between; the next update brings back the plan.
 */
export class GpuNodeGroup extends pulumi.ComponentResource {
  readonly nodeGroupName: pulumi.Output<string>;

  constructor(name: string, args: GpuNodeGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:cluster:GpuNodeGroup", name, {}, opts);
    if (!(args.minNodes <= args.desiredNodes && args.desiredNodes <= args.maxNodes)) {
      throw new pulumi.InputPropertyError({
        propertyPath: "desiredNodes",
        reason: `desiredNodes=${args.desiredNodes} is not between minNodes=${args.minNodes} and maxNodes=${args.maxNodes}`,
      });
    }
    const child = childOptions(this, opts);
    const tags = { Name: `${args.clusterName}-${args.pool}`, "domino-inference/node-pool": args.pool };
    const withoutGpus = args.device?.kind === "cpu";
    const taint = nodeTaint(args.device);
    const resource = deviceResource(args.device);
    const config = migConfig(args.device);
    const labels = {
      [nodePoolLabel]: labelValue(args.pool),
      // Domino's daemons (storage drivers, logs) choose their nodes by it.
      "dominodatalab.com/domino-node": "true",
      ...(withoutGpus ? {} : { "nvidia.com/gpu": "true" }),
      ...(config === undefined ? {} : { [migConfigLabel]: config }),
      [platformLabel]: labelValue(args.platform),
      [acceleratorLabel]: labelValue(args.accelerator),
    };

    const template = new LaunchTemplate(
      `${name}-template`,
      {
        description: `${withoutGpus ? "CPU" : "GPU"} nodes of ${args.pool}`,
        updateDefaultVersion: true,
        vpcSecurityGroupIds: [args.nodeSecurityGroupId],
        metadataOptions: {
          httpEndpoint: "enabled",
          httpTokens: "required",
          // One hop less than Domino's own nodes: pods cannot take the node's role, and no pod here needs to.
          httpPutResponseHopLimit: 1,
        },
        blockDeviceMappings: [
          {
            deviceName: "/dev/xvda",
            ebs: {
              volumeType: "gp3",
              volumeSize: args.rootVolumeGiB ?? 200,
              encrypted: "true",
              kmsKeyId: args.kmsKeyArn,
              deleteOnTermination: "true",
            },
          },
        ],
        tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
          resourceType,
          tags,
        })),
        tags,
      },
      child,
    );

    const group = new NodeGroup(
      `${name}-nodes`,
      {
        clusterName: args.clusterName,
        // A prefix and not a name, so that a change that replaces the group can create the new one first.
        nodeGroupNamePrefix: `${boundedName(args.pool.replaceAll(".", "-"), namePrefixMaxLength - 1)}-`,
        nodeRoleArn: args.nodeRoleArn,
        subnetIds: [...args.subnetIds],
        amiType: withoutGpus ? "AL2023_x86_64_STANDARD" : "AL2023_x86_64_NVIDIA",
        capacityType: args.purchase === "spot" ? "SPOT" : "ON_DEMAND",
        instanceTypes: [args.instanceType],
        launchTemplate: { id: template.id, version: pulumi.interpolate`${template.latestVersion}` },
        scalingConfig: { minSize: args.minNodes, desiredSize: args.desiredNodes, maxSize: args.maxNodes },
        updateConfig: { maxUnavailable: 1 },
        labels,
        taints: [{ ...taint, effect: "NO_SCHEDULE" }],
        tags: {
          ...tags,
          ...(args.budgetUsdPerHour === undefined
            ? {}
            : { "domino-inference/budget-usd-per-hour": String(args.budgetUsdPerHour) }),
        },
      },
      // Draining a node waits for the requests and the disruption budgets of its pods.
      { ...child, customTimeouts: { create: "60m", update: "120m", delete: "60m" } },
    );

    // EKS does not copy a node group's labels to its Auto Scaling group, where a cluster autoscaler would learn from
    // their tags what a new node will look like.
    const autoScalingGroupName = group.resources.apply((resources) => autoScalingGroupOf(resources, this));
    const nodeTemplate = "k8s.io/cluster-autoscaler/node-template";
    const hints: Record<string, string> = {
      ...Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`${nodeTemplate}/label/${key}`, value]),
      ),
      [`${nodeTemplate}/taint/${taint.key}`]: `${taint.value}:NoSchedule`,
      ...(resource === undefined
        ? {}
        : { [`${nodeTemplate}/resources/${resource}`]: String(args.gpusPerNode) }),
    };
    for (const [key, value] of Object.entries(hints)) {
      const role = key.slice(nodeTemplate.length + 1).replace(/[^A-Za-z0-9]+/g, "-");
      new Tag(
        `${name}-autoscaler-${role}`,
        { autoscalingGroupName: autoScalingGroupName, tag: { key, value, propagateAtLaunch: false } },
        child,
      );
    }

    this.nodeGroupName = group.nodeGroupName;
    this.registerOutputs({ nodeGroupName: this.nodeGroupName });
  }
}

type NodeGroupResources = pulumi.Unwrap<NodeGroup["resources"]>;

function autoScalingGroupOf(resources: NodeGroupResources, component: GpuNodeGroup): string {
  const name = resources[0]?.autoscalingGroups?.[0]?.name;
  if (name === undefined)
    throw new pulumi.ResourceError("EKS reported no Auto Scaling group of the node group", component);
  return name;
}
