/** One kind of accelerator: a whole card (what `nvidia.com/gpu: 1` asks for), a slice of one, or a share of a CPU node. */
export interface Accelerator {
  /** Name used in specs and plans, such as `A100-80G`. */
  readonly name: string;
  /**
   * What one of it is.
   * @default a whole card
   */
  readonly device?: PartialDevice;
  readonly memoryGiB: number;
  /** Peak memory bandwidth in GB/s (10^9 bytes). */
  readonly memoryBandwidthGBps: number;
  /** Peak dense (not sparse) 16-bit tensor throughput in TFLOP/s. */
  readonly dense16BitTflops: number;
  /**
   * Peak dense throughput with 32-bit weights in TFLOP/s.
   * @default a quarter of the 16-bit throughput, between what tensor cores of several generations do
   */
  readonly dense32BitTflops?: number;
  /**
   * Bandwidth between cards of one instance in one direction, in GB/s: NVLink, or PCIe without it. Tensor-parallel
   * estimates need it; absent means PCIe 4.0 is assumed.
   */
  readonly linkBandwidthGBps?: number;
  /** Where the figures above come from. */
  readonly source: string;
}

/** What is less than a card. */
export type PartialDevice = MigDevice | CpuDevice;

/** A slice of a card that Multi-Instance GPU cuts, with compute units and memory of its own. */
export interface MigDevice {
  readonly kind: "mig";
  /** NVIDIA's name of the slice, such as `1g.10gb`. */
  readonly profile: string;
  /** Accelerator that is cut. */
  readonly card: string;
  /** Slices of this profile that one card is cut into. */
  readonly perCard: number;
}

/** A share of a node without cards. */
export interface CpuDevice {
  readonly kind: "cpu";
  /** CPU that a replica on one share gets, in thousandths of a vCPU. */
  readonly cpuMillis: number;
}

/** An EC2 instance type that carries accelerators. */
export interface InstanceType {
  /** EC2 name, such as `g6e.12xlarge`. One type may be listed once as it is and once for each way to cut its cards. */
  readonly name: string;
  /** Name of the {@link Accelerator} it carries. */
  readonly accelerator: string;
  /** Accelerators per instance: cards, slices of them, or shares of its CPUs. */
  readonly gpuCount: number;
  readonly vcpuCount: number;
  readonly memoryGiB: number;
  /** Largest number of pods that the VPC CNI can address without prefix delegation. */
  readonly maxPodCount: number;
  /** On-demand Linux list price. */
  readonly usdPerHour: number;
  /**
   * Elastic Fabric Adapters, which take collectives of several nodes past the kernel's network stack
   * (`vpc.amazonaws.com/efa`). Default: none.
   */
  readonly efaCount?: number;
}

/** Shape of a model's network: what roofline estimates and memory checks need. */
export interface ModelArchitecture {
  /** Name used in specs, such as `llama-3-70b`. */
  readonly name: string;
  /** `generation`: decodes token by token (LLM). `request-response`: one forward pass a request. */
  readonly task: "generation" | "request-response";
  /** All weights, those of all experts included. */
  readonly parameterCount: number;
  readonly layerCount: number;
  /** Width of the activations between layers. Default: guessed from parameters and layers. */
  readonly hiddenSize?: number;
  /** Mixture of experts; absent where every token goes through all weights. */
  readonly experts?: ExpertWeights;
  /** Attention heads per layer. Default: not known; whether they divide over cards is then told by `kvHeadCount` alone. */
  readonly attentionHeadCount?: number;
  /** Key/value heads per layer; equals the attention heads where the model has no grouped queries. */
  readonly kvHeadCount: number;
  readonly headDimension: number;
  /** Bytes per weight as served: 2 for bf16/fp16, 4 for fp32, 1 for fp8. */
  readonly bytesPerWeight: number;
  /** Longest sequence the model takes, in tokens. */
  readonly maxSequenceTokens: number;
  /** Tokens in one typical request of a `request-response` model; absent for `generation`. */
  readonly tokensPerRequest?: number;
  readonly source: string;
}

/** Weights that only some tokens go through: the routed experts of all layers. */
export interface ExpertWeights {
  /** Experts a layer. */
  readonly count: number;
  /** Experts of a layer that one token goes through. */
  readonly perToken: number;
  /** Weights of all experts of all layers; part of the model's `parameterCount`. */
  readonly parameterCount: number;
}

/** Slices of cards and shares of CPU nodes, with the instance types that carry them. */
export interface PartialHardware {
  readonly accelerators: readonly (Accelerator & { readonly device: PartialDevice })[];
  readonly instanceTypes: readonly InstanceType[];
}

/** Prices and hardware facts of one date: immutable once released, so that an update never resizes a stack. */
export interface Catalog {
  /** Year and month, such as `2026-11`. */
  readonly version: string;
  /** Day on which the prices were valid, ISO 8601. */
  readonly pricesAsOf: string;
  /** Region whose list prices these are. */
  readonly region: string;
  readonly priceSource: string;
  /** Whole cards. */
  readonly accelerators: readonly Accelerator[];
  readonly instanceTypes: readonly InstanceType[];
  /** Less than cards: used only where a spec names them, since clusters must be prepared for them. */
  readonly partial: PartialHardware;
  readonly models: readonly ModelArchitecture[];
}
