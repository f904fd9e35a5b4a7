import type { InstanceType } from "../catalog/catalog.ts";
import type { NodeReservation } from "../problem.ts";

/** What replicas can use of one node, after the operating system, the kubelet and the daemons. */
export interface Allocatable {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly gpuCount: number;
  /** Pods besides the daemons'. */
  readonly podCount: number;
}

/**
 * Memory that the hypervisor and the kernel keep of what EC2 advertises, as a share of it. The 7.5 % are Karpenter's
 * default (`VM_MEMORY_OVERHEAD_PERCENT` = 0.075): never too little on Nitro instances, so that what is planned fits.
 */
const vmMemoryOverheadFraction = 0.075;

/** Hard eviction threshold `memory.available` of the EKS-optimised AMIs, in MiB. */
const evictionThresholdMiB = 100;

/**
 * Allocatable resources by the kube-reserved formula of the EKS-optimised AMIs (awslabs/amazon-eks-ami, nodeadm
 * kubelet configuration): CPU 6 % of the first core, 1 % of the second, 0.5 % of the third and fourth and 0.25 % of
 * the rest; memory 255 MiB and 11 MiB a pod of the node's limit.
 */
export function allocatable(instanceType: InstanceType, reservation: NodeReservation): Allocatable {
  const vcpus = instanceType.vcpuCount;
  const kubeCpuMillis =
    60 * Math.min(vcpus, 1) +
    10 * Math.min(Math.max(vcpus - 1, 0), 1) +
    5 * Math.min(Math.max(vcpus - 2, 0), 2) +
    2.5 * Math.max(vcpus - 4, 0);
  const kubeMemoryMiB = 255 + 11 * instanceType.maxPodCount;
  const memoryMiB = instanceType.memoryGiB * 1024 * (1 - vmMemoryOverheadFraction);
  return {
    cpuMillis: Math.floor(vcpus * 1000 - kubeCpuMillis - reservation.daemonCpuMillis),
    memoryMiB: Math.floor(memoryMiB - kubeMemoryMiB - evictionThresholdMiB - reservation.daemonMemoryMiB),
    gpuCount: instanceType.gpuCount,
    podCount: instanceType.maxPodCount - reservation.daemonPodCount,
  };
}
