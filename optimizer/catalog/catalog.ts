/** One kind of accelerator, as a whole card (what `nvidia.com/gpu: 1` asks for). */
export interface Accelerator {
  /** Name used in specs and plans, such as `A100-80G`. */
  readonly name: string;
  readonly memoryGiB: number;
  /** Peak memory bandwidth in GB/s (10^9 bytes). */
  readonly memoryBandwidthGBps: number;
  /** Peak dense (not sparse) 16-bit tensor throughput in TFLOP/s. */
  readonly dense16BitTflops: number;
  /**
   * Bandwidth between cards of one instance in one direction, in GB/s: NVLink, or PCIe without it. Tensor-parallel
   * estimates need it; absent means PCIe 4.0 is assumed.
   */
  readonly linkBandwidthGBps?: number;
  /** Where the figures above come from. */
  readonly source: string;
}

/** An EC2 instance type that carries accelerators. */
export interface InstanceType {
  /** EC2 name, such as `g6e.12xlarge`. */
  readonly name: string;
  /** Name of the {@link Accelerator} it carries. */
  readonly accelerator: string;
  /** Cards per instance. */
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

/** Prices and hardware facts of one date: immutable once released, so that an update never resizes a stack. */
export interface Catalog {
  /** Year and month, such as `2026-11`. */
  readonly version: string;
  /** Day on which the prices were valid, ISO 8601. */
  readonly pricesAsOf: string;
  /** Region whose list prices these are. */
  readonly region: string;
  readonly priceSource: string;
  readonly accelerators: readonly Accelerator[];
  readonly instanceTypes: readonly InstanceType[];
  readonly models: readonly ModelArchitecture[];
}
