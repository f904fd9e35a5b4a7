import type { Accelerator, Catalog, InstanceType, ModelArchitecture } from "./catalog.ts";
import { cpuShares } from "./cpu-shares.ts";
import { migSlices } from "./mig-slices.ts";

/** Memory as EC2's DescribeInstanceTypes reports it; the other figures are peaks of the named datasheet. */
const accelerators: readonly Accelerator[] = [
  {
    name: "T4",
    memoryGiB: 16,
    memoryBandwidthGBps: 320,
    dense16BitTflops: 65,
    linkBandwidthGBps: 12,
    source: "NVIDIA T4 datasheet (70 W PCIe 3.0 card); memory: EC2",
  },
  {
    name: "A10G",
    memoryGiB: 22.35,
    memoryBandwidthGBps: 600,
    dense16BitTflops: 70,
    linkBandwidthGBps: 25,
    source: "NVIDIA A10G datasheet (made for EC2 G5: 70 TFLOPS dense, 140 sparse; PCIe 4.0); memory: EC2",
  },
  {
    name: "L4",
    memoryGiB: 22.35,
    memoryBandwidthGBps: 300,
    dense16BitTflops: 121,
    linkBandwidthGBps: 25,
    source: "NVIDIA L4 datasheet (242 TFLOPS with sparsity, half of it dense; PCIe 4.0); memory: EC2",
  },
  {
    name: "L40S",
    memoryGiB: 44.7,
    memoryBandwidthGBps: 864,
    dense16BitTflops: 362,
    linkBandwidthGBps: 25,
    source: "NVIDIA L40S datasheet (362 TFLOPS dense, 733 with sparsity; PCIe 4.0); memory: EC2",
  },
  {
    name: "A100-40G",
    memoryGiB: 40,
    memoryBandwidthGBps: 1555,
    dense16BitTflops: 312,
    linkBandwidthGBps: 300,
    source: "NVIDIA A100 datasheet, SXM4 40 GB (312 TFLOPS dense; NVLink 600 GB/s both ways); memory: EC2",
  },
  {
    name: "A100-80G",
    memoryGiB: 80,
    memoryBandwidthGBps: 2039,
    dense16BitTflops: 312,
    linkBandwidthGBps: 300,
    source: "NVIDIA A100 datasheet, SXM4 80 GB (312 TFLOPS dense; NVLink 600 GB/s both ways); memory: EC2",
  },
  {
    name: "H100-80G",
    memoryGiB: 80,
    memoryBandwidthGBps: 3350,
    dense16BitTflops: 989,
    linkBandwidthGBps: 450,
    source:
      "NVIDIA H100 datasheet, SXM5 (1,979 TFLOPS with sparsity; NVLink 900 GB/s both ways); memory: EC2",
  },
  {
    name: "H200-141G",
    memoryGiB: 141,
    memoryBandwidthGBps: 4800,
    dense16BitTflops: 989,
    linkBandwidthGBps: 450,
    source: "NVIDIA H200 datasheet, SXM (1,979 TFLOPS with sparsity; NVLink 900 GB/s both ways); memory: EC2",
  },
  {
    name: "B200-180G",
    memoryGiB: 179,
    memoryBandwidthGBps: 8000,
    dense16BitTflops: 2250,
    linkBandwidthGBps: 900,
    source: "NVIDIA HGX B200 (4,500 TFLOPS with sparsity, 8 TB/s; NVLink 1,800 GB/s both ways); memory: EC2",
  },
];

type InstanceRow = readonly [
  name: string,
  accelerator: string,
  gpuCount: number,
  vcpuCount: number,
  memoryGiB: number,
  maxPodCount: number,
  usdPerHour: number,
  efaCount?: number,
];

/**
 * Sizes, cards and pod limits: Karpenter's instance type reference (karpenter-provider-aws, website, July 2026),
 * which lists EC2's DescribeInstanceTypes; the pod limits agree with eni-max-pods.txt of amazon-eks-ami. Elastic Fabric
 * Adapters: what the same pages list as `vpc.amazonaws.com/efa`.
 *
 * Left out: p5e.48xlarge (no on-demand price in the source), and bare metal, which takes far longer to start.
 */
const instanceRows: readonly InstanceRow[] = [
  ["g4dn.xlarge", "T4", 1, 4, 16, 29, 0.526],
  ["g4dn.2xlarge", "T4", 1, 8, 32, 29, 0.752],
  ["g4dn.4xlarge", "T4", 1, 16, 64, 29, 1.204],
  ["g4dn.8xlarge", "T4", 1, 32, 128, 58, 2.176, 1],
  ["g4dn.12xlarge", "T4", 4, 48, 192, 234, 3.912, 1],
  ["g4dn.16xlarge", "T4", 1, 64, 256, 58, 4.352, 1],
  ["g5.xlarge", "A10G", 1, 4, 16, 58, 1.006],
  ["g5.2xlarge", "A10G", 1, 8, 32, 58, 1.212],
  ["g5.4xlarge", "A10G", 1, 16, 64, 234, 1.624],
  ["g5.8xlarge", "A10G", 1, 32, 128, 234, 2.448, 1],
  ["g5.12xlarge", "A10G", 4, 48, 192, 737, 5.672, 1],
  ["g5.16xlarge", "A10G", 1, 64, 256, 234, 4.096, 1],
  ["g5.24xlarge", "A10G", 4, 96, 384, 737, 8.144, 1],
  ["g5.48xlarge", "A10G", 8, 192, 768, 345, 16.288, 1],
  ["g6.xlarge", "L4", 1, 4, 16, 58, 0.8048],
  ["g6.2xlarge", "L4", 1, 8, 32, 58, 0.9776],
  ["g6.4xlarge", "L4", 1, 16, 64, 234, 1.3232],
  ["g6.8xlarge", "L4", 1, 32, 128, 234, 2.0144, 1],
  ["g6.12xlarge", "L4", 4, 48, 192, 234, 4.6016, 1],
  ["g6.16xlarge", "L4", 1, 64, 256, 737, 3.3968, 1],
  ["g6.24xlarge", "L4", 4, 96, 384, 737, 6.6752, 1],
  ["g6.48xlarge", "L4", 8, 192, 768, 737, 13.3504, 1],
  ["g6e.xlarge", "L40S", 1, 4, 32, 58, 1.861],
  ["g6e.2xlarge", "L40S", 1, 8, 64, 58, 2.24208],
  ["g6e.4xlarge", "L40S", 1, 16, 128, 234, 3.00424],
  ["g6e.8xlarge", "L40S", 1, 32, 256, 234, 4.52856, 1],
  ["g6e.12xlarge", "L40S", 4, 48, 384, 292, 10.49264, 1],
  ["g6e.16xlarge", "L40S", 1, 64, 512, 737, 7.57719, 1],
  ["g6e.24xlarge", "L40S", 4, 96, 768, 492, 15.06559, 2],
  ["g6e.48xlarge", "L40S", 8, 192, 1536, 492, 30.13118, 4],
  ["p4d.24xlarge", "A100-40G", 8, 96, 1152, 737, 21.957642, 4],
  ["p4de.24xlarge", "A100-80G", 8, 96, 1152, 737, 27.44705, 4],
  ["p5.4xlarge", "H100-80G", 1, 16, 256, 118, 6.88, 1],
  ["p5.48xlarge", "H100-80G", 8, 192, 2048, 100, 55.04, 32],
  ["p5en.48xlarge", "H200-141G", 8, 192, 2048, 198, 63.296, 16],
  ["p6-b200.48xlarge", "B200-180G", 8, 192, 2048, 198, 113.9328, 8],
];

const instanceTypes = instanceRows.map(
  ([name, accelerator, gpuCount, vcpuCount, memoryGiB, maxPodCount, usdPerHour, efaCount]): InstanceType => ({
    name,
    accelerator,
    gpuCount,
    vcpuCount,
    memoryGiB,
    maxPodCount,
    usdPerHour,
    ...(efaCount === undefined ? {} : { efaCount }),
  }),
);

const slices = migSlices(["A100-40G", "A100-80G", "H100-80G"], accelerators, instanceTypes);

const llama = { task: "generation", kvHeadCount: 8, headDimension: 128, bytesPerWeight: 2 } as const;
const llama8b = { ...llama, parameterCount: 8_030_261_248, layerCount: 32, attentionHeadCount: 32 } as const;
const llama70b = {
  ...llama,
  parameterCount: 70_553_706_496,
  layerCount: 80,
  attentionHeadCount: 64,
} as const;

const models: readonly ModelArchitecture[] = [
  {
    ...llama8b,
    name: "llama-3-8b",
    maxSequenceTokens: 8192,
    source: "config.json and safetensors index of meta-llama/Meta-Llama-3-8B-Instruct",
  },
  {
    ...llama8b,
    name: "llama-3.1-8b",
    maxSequenceTokens: 131_072,
    source: "config.json and safetensors index of meta-llama/Llama-3.1-8B-Instruct",
  },
  {
    ...llama70b,
    name: "llama-3-70b",
    maxSequenceTokens: 8192,
    source: "config.json and safetensors index of meta-llama/Meta-Llama-3-70B-Instruct",
  },
  {
    ...llama70b,
    name: "llama-3.1-70b",
    maxSequenceTokens: 131_072,
    source: "config.json and safetensors index of meta-llama/Llama-3.1-70B-Instruct",
  },
  {
    ...llama,
    name: "mistral-7b",
    parameterCount: 7_248_023_552,
    layerCount: 32,
    attentionHeadCount: 32,
    maxSequenceTokens: 32_768,
    source: "config.json and safetensors index of mistralai/Mistral-7B-Instruct-v0.3",
  },
  {
    name: "qwen3-32b",
    task: "generation",
    parameterCount: 32_762_123_264,
    layerCount: 64,
    attentionHeadCount: 64,
    kvHeadCount: 8,
    headDimension: 128,
    bytesPerWeight: 2,
    maxSequenceTokens: 40_960,
    source: "config.json of Qwen/Qwen3-32B; parameters added up from its dimensions",
  },
  {
    name: "bert-base",
    task: "request-response",
    parameterCount: 109_482_240,
    layerCount: 12,
    attentionHeadCount: 12,
    kvHeadCount: 12,
    headDimension: 64,
    // An ONNX export keeps 32-bit weights unless it is converted.
    bytesPerWeight: 4,
    maxSequenceTokens: 512,
    tokensPerRequest: 128,
    source: "config.json of google-bert/bert-base-uncased",
  },
  {
    name: "distilbert-base",
    task: "request-response",
    parameterCount: 66_362_880,
    layerCount: 6,
    attentionHeadCount: 12,
    kvHeadCount: 12,
    headDimension: 64,
    bytesPerWeight: 4,
    maxSequenceTokens: 512,
    tokensPerRequest: 128,
    source: "config.json of distilbert/distilbert-base-uncased",
  },
];

/** Frozen in November 2026 from the newest prices at hand then, which are of July. */
export const catalog202611: Catalog = {
  version: "2026-11",
  pricesAsOf: "2026-07-20",
  region: "us-east-1",
  priceSource:
    "On-demand Linux list prices of us-east-1 in karpenter-provider-aws, " +
    "pkg/providers/pricing/zz_generated.pricing_aws.go, generated 2026-07-20",
  accelerators,
  instanceTypes,
  partial: {
    accelerators: [...slices.accelerators, ...cpuShares.accelerators],
    instanceTypes: [...slices.instanceTypes, ...cpuShares.instanceTypes],
  },
  models,
};
