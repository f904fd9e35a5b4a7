import type { PerformanceProfile } from "./profiles/performance-profile.ts";

/** Latency targets; an absent field is no target. Means and percentiles are over requests. */
export interface Slo {
  readonly ttftMeanMs?: number;
  readonly ttftP95Ms?: number;
  readonly itlMeanMs?: number;
  readonly itlP95Ms?: number;
  /** Whole request, from arrival to last token or response. */
  readonly latencyMeanMs?: number;
  readonly latencyP95Ms?: number;
}

/** Offered load of one server, over all its replicas. */
export interface Load {
  /** In the busiest period of the day, where the group has periods. */
  readonly requestsPerMinute: number;
  /** Mean prompt tokens a request; 1 for request/response models. */
  readonly inputTokens: number;
  /** Mean generated tokens a request; 1 for request/response models. */
  readonly outputTokens: number;
  /**
   * How output lengths spread around their mean.
   * @default geometric, as chats do
   */
  readonly outputDistribution?: "geometric" | "fixed";
}

/** A server: one pair of model (version) and service class, as Inferno uses the word. */
export interface Workload {
  /** Unique in a problem, such as `tabular/bert-base/3/Premium`. */
  readonly id: string;
  readonly model: string;
  /** 1 (most important) … 100. */
  readonly priority: number;
  readonly slo: Slo;
  readonly load: Load;
  /**
   * Requests of equal keys wait in one queue of a request/response server and are batched together.
   * @default the id: nothing is batched with requests of another workload
   */
  readonly batchKey?: string;
}

/** A part of the day with loads of its own. */
export interface DayPeriod {
  /** Hour of the day at which it begins; it lasts until the next one. */
  readonly fromHour: number;
  /** By workload id. */
  readonly requestsPerMinute: Readonly<Record<string, number>>;
}

/** What one replica needs of its node besides GPUs, and the shape it runs in. */
export interface ReplicaResources {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

/**
 * Workloads that share the same replicas. Every replica can serve every workload of its group, so sizing must hold
 * all their SLOs at their joint load.
 */
export interface GroupDemand {
  /** Unique in a problem. */
  readonly id: string;
  /** At least one. */
  readonly workloads: readonly Workload[];
  /** `generation`: iterations over a batch of sequences. `request-response`: one pass over a batch of requests. */
  readonly task: "generation" | "request-response";
  /**
   * Tokens that one iteration of a generation engine processes.
   * @default 8192
   */
  readonly maxBatchedTokens?: number;
  /** Keys and values of one token over all layers; absent where the network is not known. */
  readonly keyValueGiBPerToken?: number;
  /**
   * Profiles that the group may run on. A (accelerator, gpusPerReplica) shape is a candidate only if every model
   * of the group has a profile for it.
   */
  readonly profiles: readonly PerformanceProfile[];
  /** Shapes that were ruled out before (too little memory, say); kept for the explanation. */
  readonly excluded: readonly Rejection[];
  /**
   * Loads by the time of day, where they differ; one entry a period, the same periods in all groups of a problem. The
   * accelerator is chosen for the whole day and holds the busiest period; the sizes of the others follow.
   * @default one load all day
   */
  readonly periods?: readonly DayPeriod[];
  /**
   * The group may run on two accelerators at once, requests being shared out between them.
   * @default false: a second kind of replica behaves differently, which somebody must want
   */
  readonly maySplit?: boolean;
  /** Floor of the replica count; also what an idle group gets. */
  readonly minReplicas: number;
  /** Replicas said in the spec: they win over the sizing, whose prediction is then at this count. */
  readonly fixedReplicas?: number;
  /**
   * How often the weights of a model lie in a replica's GPU memory: once for each version served side by side.
   * @default 1 for every model
   */
  readonly weightCopies?: Readonly<Record<string, number>>;
  /** Largest batch said in the spec: narrows the profile's, which is what memory holds. */
  readonly maxBatchSize?: number;
  /** Resources of a replica in the given shape. */
  readonly resources: (shape: ReplicaShape) => ReplicaResources;
}

export interface ReplicaShape {
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  /** Weights of all models of the group, over all cards. */
  readonly weightsGiB: number;
}

/** Why a shape cannot serve a workload: data, rendered to text only where it is printed. */
export interface Rejection {
  readonly accelerator: string;
  readonly gpusPerReplica: number;
  /** The workload that fails, or the group's id where the whole group does. */
  readonly subject: string;
  readonly constraint:
    | "memory"
    | "profile"
    | "ttftMean"
    | "ttftP95"
    | "itlMean"
    | "itlP95"
    | "latencyMean"
    | "latencyP95"
    | "load"
    | "capacity"
    | "node"
    /** The nodes that may be bought do not suffice: reservations, or the share that may be spot. */
    | "purchase";
  /** The limit: the SLO in ms, the memory or the cards there are. */
  readonly allowed: number;
  /** What the shape would need or reach at best (one request alone, for an SLO). */
  readonly reached: number;
  readonly unit: "ms" | "GiB" | "GPU" | "requests/min" | "mCPU" | "MiB" | "profile" | "nodes";
}
