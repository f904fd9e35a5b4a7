/** A `DynamoGraphDeployment` as far as it is written here; what the operator adds is not in it. */
export interface DynamoGraphDeployment {
  readonly apiVersion: "nvidia.com/v1beta1";
  readonly kind: "DynamoGraphDeployment";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly backendFramework: "vllm" | "sglang" | "trtllm";
    readonly components: readonly GraphComponent[];
  };
}

export type GraphComponentType = "frontend" | "prefill" | "decode" | "planner";

export interface GraphComponent {
  readonly name: string;
  readonly type: GraphComponentType;
  /** Absent where something else than the plan decides. */
  readonly replicas?: number;
  readonly multinode?: { readonly nodeCount: number };
  readonly sharedMemorySize: string;
  /** Its presence hands the replicas over to an adapter, which autoscalers write to. */
  readonly scalingAdapter?: Readonly<Record<string, never>>;
  readonly podTemplate: GraphPodTemplate;
}

export interface GraphPodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly [MainContainer];
  };
}

/** The operator fills in only the container of this name; any other would run beside one that it makes up. */
export interface MainContainer extends Readonly<Record<string, unknown>> {
  readonly name: "main";
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly GraphVariable[];
}

export interface GraphVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: Readonly<Record<string, unknown>>;
}

/** What a caller knows of a component's pods: where they run, as whom, with what. Anything of Kubernetes, as it is. */
export interface GraphPodBase {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields of the pod besides its containers and its grace period. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Fields of the main container, such as resources, security context and mounts. */
  readonly container: Readonly<Record<string, unknown>>;
  /** Variables that the graph does not set itself; they come last. */
  readonly environment: readonly GraphVariable[];
}
