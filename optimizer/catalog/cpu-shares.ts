import type { InstanceType, PartialHardware } from "./catalog.ts";

/** vCPUs of one share: the smallest node that also holds a Triton server's memory is one. */
const vcpusPerShare = 4;

/**
 * What a replica gets of its share. A whole vCPU of each is left to the kubelet and the daemons, so that as many replicas
 * fit on a node as it has shares, on the smallest node too (3,920m of which Domino's daemons take up to 800m).
 */
const replicaVcpus = 3;

const vcpusPerCore = 2;

/** A socket of m7i: half of the 192 vCPUs of an m7i.48xlarge, eight channels of DDR5-4800 at 38.4 GB/s. */
const socket = { vcpuCount: 96, memoryBandwidthGBps: 8 * 38.4 } as const;

/** Sustained clock in GHz by Karpenter's instance type reference. */
const clockGHz = 3.2;

/** Operations a cycle and core: AMX on bfloat16 tiles, and two AVX-512 units of 16 fused multiply-adds on floats. */
const operationsPerCycle = { amxBfloat16: 1024, avx512Float32: 64 } as const;

const teraflops = (perCycle: number): number => (perCycle * (replicaVcpus / vcpusPerCore) * clockGHz) / 1000;

type CpuRow = readonly [
  name: string,
  vcpuCount: number,
  memoryGiB: number,
  maxPodCount: number,
  usdPerHour: number,
  efaCount?: number,
];

/** The same sources as those of the catalog's other instance types. */
const rows: readonly CpuRow[] = [
  ["m7i.xlarge", 4, 16, 58, 0.2016],
  ["m7i.2xlarge", 8, 32, 58, 0.4032],
  ["m7i.4xlarge", 16, 64, 234, 0.8064],
  ["m7i.8xlarge", 32, 128, 234, 1.6128],
  ["m7i.12xlarge", 48, 192, 234, 2.4192],
  ["m7i.16xlarge", 64, 256, 737, 3.2256],
  ["m7i.24xlarge", 96, 384, 737, 4.8384],
  ["m7i.48xlarge", 192, 768, 737, 9.6768, 1],
];

const cpu = "CPU";

/** Nodes without cards, in shares that a replica takes one of. */
export const cpuShares: PartialHardware = {
  accelerators: [
    {
      name: cpu,
      device: { kind: "cpu", cpuMillis: 1000 * replicaVcpus },
      memoryGiB: 16,
      memoryBandwidthGBps: (socket.memoryBandwidthGBps * replicaVcpus) / socket.vcpuCount,
      dense16BitTflops: teraflops(operationsPerCycle.amxBfloat16),
      dense32BitTflops: teraflops(operationsPerCycle.avx512Float32),
      source:
        "3 of 4 vCPUs of m7i: Intel's 4th generation Xeon Scalable (8 channels of DDR5-4800 a socket; 1,024 bfloat16 " +
        "operations a cycle and core with AMX, 64 float32 operations with AVX-512) at the 3.2 GHz of Karpenter's " +
        "instance type reference",
    },
  ],
  instanceTypes: rows.map(
    ([name, vcpuCount, memoryGiB, maxPodCount, usdPerHour, efaCount]): InstanceType => ({
      name,
      accelerator: cpu,
      gpuCount: vcpuCount / vcpusPerShare,
      vcpuCount,
      memoryGiB,
      maxPodCount,
      usdPerHour,
      ...(efaCount === undefined ? {} : { efaCount }),
    }),
  ),
};
