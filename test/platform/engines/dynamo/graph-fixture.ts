import { dynamoEngineSchema } from "../../../../platform/engines/dynamo/engine-options.ts";
import { graphDeployment, type GraphInput } from "../../../../platform/engines/dynamo/graph-deployment.ts";
import type { DynamoGraphDeployment, GraphPodBase } from "../../../../platform/engines/dynamo/graph-types.ts";
import {
  dynamoModelSchema,
  type DynamoModelOptions,
} from "../../../../platform/engines/dynamo/model-options.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../../platform/plan/platform-plan.ts";

/** Options of a model as a spec gives them. */
export function modelOptions(written: object = {}): DynamoModelOptions {
  return dynamoModelSchema.parse(written);
}

/** An engine of a plan; its options as a spec gives them. */
export function dynamoEngine(change: Partial<EnginePlan> = {}, written: object = {}): EnginePlan {
  return {
    name: "chat",
    // The plan's types follow from the registry.
    type: "dynamo" as EnginePlan["type"],
    protocol: "openai",
    namespace: "domino-inference-test",
    image: "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.1",
    pattern: "operator",
    loading: "preload",
    storage: { kind: "dataset", dataset: "models", path: "llm" },
    options: dynamoEngineSchema.parse(written),
    groups: ["chat-llama-3-70b-premium"],
    ...change,
  };
}

/** A group of a plan: Llama 70B on 4 cards; its model's options as a spec gives them. */
export function dynamoGroup(change: Partial<ReplicaGroupPlan> = {}, written: object = {}): ReplicaGroupPlan {
  return {
    name: "chat-llama-3-70b-premium",
    engine: "chat",
    engineType: "dynamo" as ReplicaGroupPlan["engineType"],
    namespace: "domino-inference-test",
    models: [
      {
        name: "llama-3-70b",
        versions: [{ version: "3", weight: 100 }],
        parameters: { alphaMs: 20, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 },
        task: "generation",
        maxSequenceTokens: 8192,
        options: modelOptions(written),
        origin: { kind: "given", source: "test", uncertaintyFraction: 0 },
      },
    ],
    serviceClasses: ["Premium"],
    accelerator: "H100-80G",
    gpusPerReplica: 4,
    nodesPerReplica: 1,
    replicas: 3,
    replicasOwner: "plan",
    replicasFrom: "optimizer",
    maxBatchSize: 24,
    environment: {},
    arguments: [],
    cpuMillis: 10_000,
    memoryMiB: 40_960,
    sharedMemoryMiB: 16_384,
    startupSeconds: 735,
    weightsGiB: 131,
    utilisation: 0.7,
    maxRequestsPerMinutePerReplica: 60,
    requestsPerMinute: 150,
    usdPerHour: 30,
    nodePools: ["acme-p5-48xlarge"],
    placement: "spread",
    explanation: { binding: "capacity" },
    ...change,
  } as ReplicaGroupPlan;
}

/** Both pools of a disaggregated model. */
export function dynamoPools(
  written: object = {},
  change: Partial<ReplicaGroupPlan> = {},
): readonly ReplicaGroupPlan[] {
  const options = { disaggregation: true, ...written };
  const { name } = dynamoGroup();
  return [
    dynamoGroup(
      { name: `${name}-prefill`, role: "prefill", gpusPerReplica: 2, replicas: 2, ...change },
      options,
    ),
    dynamoGroup({ name: `${name}-decode`, role: "decode", ...change }, options),
  ];
}

/** Pods as a caller may give them. */
export function podBases(): GraphInput["pods"] {
  const base = (component: string): GraphPodBase => ({
    labels: { "app.kubernetes.io/component": component },
    spec: {
      serviceAccountName: `chat-${component}`,
      volumes: [{ name: "scratch", emptyDir: {} }],
    },
    container: { volumeMounts: [{ name: "scratch", mountPath: "/tmp" }] },
    environment: [],
  });
  return {
    frontend: base("frontend"),
    planner: base("planner"),
    worker: (group) => ({
      ...base("worker"),
      container: {
        ...base("worker").container,
        resources: { limits: { "nvidia.com/gpu": String(group.gpusPerReplica / group.nodesPerReplica) } },
      },
    }),
  };
}

/** The graph of groups. */
export function graphOf(
  groups: readonly ReplicaGroupPlan[],
  engine: EnginePlan = dynamoEngine(),
): DynamoGraphDeployment {
  return graphDeployment({
    engine,
    groups,
    labels: { "app.kubernetes.io/part-of": "acme" },
    pods: podBases(),
  });
}

/** The one component of a type. */
export function componentOf(graph: DynamoGraphDeployment, type: string) {
  const found = graph.spec.components.filter((component) => component.type === type);
  const [component] = found;
  if (!component || found.length !== 1) throw new Error(`${found.length} components of type ${type}`);
  return component;
}

/** The main container of the one component of a type. */
export function mainOf(graph: DynamoGraphDeployment, type: string) {
  return componentOf(graph, type).podTemplate.spec.containers[0];
}

/** Value of a variable of a container. */
export function variable(main: ReturnType<typeof mainOf>, name: string): string | undefined {
  return main.env.find((one) => one.name === name)?.value;
}

/** The argument after a flag. */
export function flagOf(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}
