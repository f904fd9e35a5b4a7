import { beforeAll, describe, expect, test } from "vitest";
import { dynamoProfile } from "../../../../platform/engines/dynamo/profile.ts";
import { schemaProblems } from "../../../platform/engines/dynamo/graph-schema.ts";
import { present } from "../../support/present.ts";
import { Reachability } from "../../support/reachability.ts";
import { createdAfter, only, type RecordedResource } from "../../support/resources-of.ts";
import { recordingOfSpec, type StackRecording } from "../../support/stack-recording.ts";
import { dynamoSpec } from "./dynamo-spec.ts";

const group = "chat-llama-3-70b-free";
const pools = [
  "dynamo:",
  "  disaggregation: true",
  "  dynamoNamespace: llama",
  "  routingPolicy: kv",
  "  prefill: { extraConfig: { config: { enable-chunked-prefill: true } } }",
];
let recording: StackRecording;
let resources: readonly RecordedResource[];
beforeAll(async () => {
  recording = await recordingOfSpec(dynamoSpec({ model: pools }));
  resources = recording.resources;
});

const graph = () => only(resources, ":DynamoGraphDeployment", "chat-llama-graph");
const component = (type: string) =>
  present(graph().inputs.spec.components.find((one: { type: string }) => one.type === type));
const pod = (type: string) => component(type).podTemplate.spec;

describe("a graph of two pools", () => {
  test("is one custom resource that the definition takes, under the name of the spec", () => {
    expect(graph().inputs.metadata).toMatchObject({ name: "llama", namespace: "chat" });
    const { __autonamed: _, ...object } = graph().inputs;
    expect(schemaProblems(object)).toEqual([]);
    expect(resources.filter(({ type }) => type.endsWith(":DynamoGraphDeployment"))).toHaveLength(1);
  });

  test("is waited for until the operator calls it ready, as long as its slowest group may take", () => {
    expect(graph().inputs.metadata.annotations["pulumi.com/waitFor"]).toBe("condition=Ready");
    const slowest = Math.max(...recording.plan.groups.map(({ startupSeconds }) => startupSeconds));
    expect(Number.parseInt(graph().timeouts?.create ?? "", 10)).toBeGreaterThan(slowest + 600);
  });

  test("has the planned replicas, GPUs and memory of each pool", () => {
    for (const role of ["prefill", "decode"]) {
      const plan = present(recording.plan.groups.find((one) => one.role === role));
      expect(component(role).replicas).toBe(plan.replicas);
      const [main] = pod(role).containers;
      expect(main.resources.limits).toEqual({
        cpu: `${plan.cpuMillis}m`,
        memory: `${plan.memoryMiB}Mi`,
        "nvidia.com/gpu": String(plan.gpusPerReplica),
      });
      expect(main.resources.requests).toEqual(main.resources.limits);
    }
  });

  test("puts each pool where the plan packed it, and frontends beside the proxy", () => {
    for (const role of ["prefill", "decode"]) {
      const plan = present(recording.plan.groups.find((one) => one.role === role));
      const [term] =
        pod(role).affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
      expect(term.matchExpressions[0].values).toEqual(plan.nodePools);
      expect(pod(role).tolerations).toEqual([
        { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
      ]);
    }
    expect(pod("frontend").nodeSelector).toEqual({ "dominodatalab.com/node-pool": "platform" });
  });

  test("is confined as Pod Security restricted demands, with a read-only root", () => {
    for (const type of ["frontend", "prefill", "decode"]) {
      const { securityContext, containers, initContainers = [] } = pod(type);
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const one of [...containers, ...initContainers]) {
        expect(one.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    }
  });

  test("leaves shared memory to the operator, which makes it of the planned size", () => {
    for (const type of ["prefill", "decode"]) {
      const names = [...pod(type).volumes, ...pod(type).containers[0].volumeMounts].map(({ name }) => name);
      expect(names).not.toContain("shared-memory");
      const plan = present(recording.plan.groups.find((one) => one.role === type));
      expect(component(type).sharedMemorySize).toBe(`${plan.sharedMemoryMiB}Mi`);
    }
  });

  test("restarts workers when their written configuration changes, and only then", async () => {
    const digest = (of: readonly RecordedResource[], type: string) =>
      only(of, ":DynamoGraphDeployment", "chat-llama-graph").inputs.spec.components.find(
        (one: { type: string }) => one.type === type,
      ).podTemplate.metadata.annotations["domino-inference/engine-config-digest"];
    expect(only(resources, ":ConfigMap", "chat-llama-prefill-config").inputs).toMatchObject({
      metadata: { name: `${group}-prefill-engine-config`, namespace: "chat" },
      data: { "config.yaml": "enable-chunked-prefill: true\n" },
    });
    const changed = pools.map((line) =>
      line.replace("enable-chunked-prefill: true", "enable-chunked-prefill: false"),
    );
    const other = await recordingOfSpec(dynamoSpec({ model: changed }));
    expect(digest(resources, "prefill")).toMatch(/^[0-9a-f]{16}$/);
    expect(digest(other.resources, "prefill")).not.toBe(digest(resources, "prefill"));
    expect(digest(resources, "decode")).toBeUndefined();
  });

  test("comes after what its pods need: accounts, policies and the configuration", () => {
    const before = createdAfter(resources, graph());
    for (const [type, name] of [
      [":RoleBinding", "chat-llama-access-discovery"],
      [":ServiceAccount", "chat-llama-access-frontend"],
      [":NetworkPolicy", "chat-llama-network-within-graph"],
    ] as const) {
      expect(before).toContain(only(resources, type, name).urn);
    }
    expect(before).toContain(only(resources, ":ConfigMap", "chat-llama-prefill-config").urn);
  });

  test("lets one pod of each kind be taken away at a time", () => {
    const budgets = resources.filter(
      ({ type, name }) => type.endsWith(":PodDisruptionBudget") && name.startsWith("chat-"),
    );
    expect(budgets.map(({ inputs }) => inputs.metadata.name).toSorted()).toEqual([
      `${group}-decode`,
      `${group}-prefill`,
      "llama-frontend",
    ]);
    for (const { inputs } of budgets) {
      expect(inputs.spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" });
    }
  });
});

describe("pods of another release than the profile's", () => {
  test("say so in their labels, workers and frontends alike", async () => {
    const { resources: own } = await recordingOfSpec(
      dynamoSpec({
        engine: ["dynamo: { version: 1.3.0 }"],
        model: ["dynamo: { backend: { type: sglang } }"],
      }),
    );
    const { components } = only(own, ":DynamoGraphDeployment", `${group}-graph`).inputs.spec;
    for (const { podTemplate } of components) {
      expect(podTemplate.metadata.labels["app.kubernetes.io/version"]).toBe("1.3.0");
      expect(podTemplate.spec.containers[0].image).toMatch(/:1\.3\.0$/);
    }
  });
});

describe("who the pods of a graph are", () => {
  test("an account for each pool and for the frontends, all bound to what the operator lets them see", () => {
    const accounts = [`${group}-decode`, `${group}-prefill`, "llama-frontend"];
    const made = resources.filter(
      ({ type, parent }) => type.endsWith(":ServiceAccount") && parent.includes("DynamoGraph"),
    );
    expect(made.map(({ inputs }) => inputs.metadata.name).toSorted()).toEqual(accounts);
    const binding = only(resources, ":RoleBinding", "chat-llama-access-discovery").inputs;
    expect(binding.roleRef).toEqual({
      apiGroup: "rbac.authorization.k8s.io",
      kind: "Role",
      name: "llama-k8s-service-discovery-role",
    });
    expect(binding.subjects.map(({ name }: { name: string }) => name).toSorted()).toEqual(accounts);
    for (const type of ["frontend", "prefill", "decode"]) {
      expect(accounts).toContain(pod(type).serviceAccountName);
      expect(pod(type).automountServiceAccountToken).toBe(true);
    }
  });

  test("workers have the role that reads their models", async () => {
    const s3 = await recordingOfSpec(dynamoSpec({ storage: "{ s3: 's3://bank-models/llm', access: copy }" }));
    const account = only(s3.resources, ":ServiceAccount", `${group}-access-workers`);
    expect(account.inputs.metadata.annotations).toMatchObject({
      "eks.amazonaws.com/role-arn": expect.stringContaining("chat-models-role"),
    });
    const frontend = only(s3.resources, ":ServiceAccount", `${group}-access-frontend`);
    expect(frontend.inputs.metadata).not.toHaveProperty("annotations");
  });
});

describe("who reaches whom", () => {
  const proxy = () => ({
    namespace: "domino-inference-test",
    labels: {
      "app.kubernetes.io/name": "inference-proxy",
      "app.kubernetes.io/instance": "bank",
      "app.kubernetes.io/component": "proxy",
    },
  });
  const labelled = (type: string) => ({
    namespace: "chat",
    labels: component(type).podTemplate.metadata.labels,
  });

  test("the proxy the frontends, on their port, and no worker", () => {
    const reach = new Reachability(resources);
    const own = present(
      resources.find(({ type, name }) => type.endsWith(":Deployment") && name.includes("inference-proxy")),
    ).inputs.spec.template.metadata.labels;
    const from = { ...proxy(), labels: own };
    expect(reach.may(from, labelled("frontend"), 8000)).toBe(true);
    expect(reach.may(from, labelled("frontend"), 9090)).toBe(false);
    for (const type of ["prefill", "decode"]) {
      for (const port of [8000, 9090, 20_080]) expect(reach.may(from, labelled(type), port)).toBe(false);
    }
  });

  test("pods of the graph each other on every port, and nobody else's", () => {
    const reach = new Reachability(resources);
    const kinds = ["frontend", "prefill", "decode"];
    for (const from of kinds) {
      for (const to of kinds) expect(reach.may(labelled(from), labelled(to), 41_234)).toBe(true);
    }
    const stranger = { namespace: "chat", labels: { app: "other" } };
    expect(reach.may(stranger, labelled("decode"), 9090)).toBe(false);
    const otherGraph = {
      ...labelled("decode"),
      labels: { ...labelled("decode").labels, "domino-inference/graph": "other" },
    };
    expect(reach.may(otherGraph, labelled("decode"), 41_234)).toBe(false);
  });

  test("pods of the graph the API server, by which they find each other, and not the node's metadata", () => {
    const reach = new Reachability(resources);
    for (const type of ["frontend", "prefill", "decode"]) {
      expect(reach.may(labelled(type), { address: "172.20.0.1" }, 443)).toBe(true);
      expect(reach.may(labelled(type), { address: "169.254.169.254" }, 443)).toBe(false);
      expect(reach.may(labelled(type), { address: "172.20.0.1" }, 6379)).toBe(false);
    }
  });

  test("routes lead to the frontends of the graph", () => {
    expect(JSON.stringify(recording.plan.routes)).toContain(
      "http://llama-frontend.chat.svc.cluster.local:8000",
    );
  });
});

describe("a model of a hub", () => {
  test("is fetched in its revision before the worker starts, which then needs neither hub nor token", async () => {
    const { resources: own } = await recordingOfSpec(
      dynamoSpec({
        storage: "{ huggingFace: meta-llama, tokenSecret: { name: hub, key: token } }",
        version: "8cde5ca8380496c9a6cc7ef3a8b46a0372a1d920",
      }),
    );
    const { spec } = only(own, ":DynamoGraphDeployment", `${group}-graph`).inputs;
    const { initContainers, containers } = spec.components[1].podTemplate.spec;
    const [fetch] = initContainers;
    const variables = Object.fromEntries(
      fetch.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(variables).toMatchObject({
      MODEL_REPOSITORY: "meta-llama/llama-3-70b",
      MODEL_REVISION: "8cde5ca8380496c9a6cc7ef3a8b46a0372a1d920",
      MODEL_FOLDER: "/models/llama-3-70b/8cde5ca8380496c9a6cc7ef3a8b46a0372a1d920",
    });
    expect(fetch.image).toBe(containers[0].image);
    expect(fetch.env).toContainEqual({
      name: "HF_TOKEN",
      valueFrom: { secretKeyRef: { name: "hub", key: "token" } },
    });
    expect(containers[0].env).toContainEqual({ name: "HF_HUB_OFFLINE", value: "1" });
    expect(containers[0].env.map(({ name }: { name: string }) => name)).not.toContain("HF_TOKEN");
    expect(containers[0].args.slice(0, 2)).toEqual(["--model", variables["MODEL_FOLDER"]]);
  });
});

describe("a graph that is there already", () => {
  test("is only led to: its frontends by the operator's labels, and nothing is made", async () => {
    const { resources: own, plan } = await recordingOfSpec(
      dynamoSpec({
        platform: ["addons: {}"],
        model: ["dynamo: { dynamoNamespace: theirs, deployment: { create: false } }"],
      }),
    );
    expect(own.filter(({ type }) => type.endsWith(":DynamoGraphDeployment"))).toEqual([]);
    expect(JSON.stringify(plan.routes)).toContain("http://theirs-frontend.chat.svc.cluster.local:8000");
    const policy = only(own, ":NetworkPolicy", "chat-theirs-network-from-proxy").inputs;
    expect(policy.spec.podSelector.matchLabels).toEqual({
      "nvidia.com/dynamo-graph-deployment-name": "theirs",
      "nvidia.com/dynamo-component-type": "frontend",
    });
  });
});

test("a name that the operator could make no Services of is refused before anything is created", async () => {
  const long = dynamoSpec({
    model: ["dynamo: { dynamoNamespace: a123456789-123456789-123456789-12345678 }"],
    engine: ["dynamo: { multiNode: grove }"],
  });
  await expect(recordingOfSpec(long)).resolves.toBeDefined();
  const spanning = dynamoSpec({
    model: [
      "gpusPerReplica: 16",
      "nodesPerReplica: 2",
      "dynamo: { dynamoNamespace: a123456789-123456789-123456789-12345678, backend: { type: sglang } }",
    ],
  });
  await expect(recordingOfSpec(spanning)).rejects.toThrow(/Grove/);
});

test("the profile's own facts are those of the operator and the images", () => {
  expect(dynamoProfile).toMatchObject({
    type: "dynamo",
    protocol: "openai",
    patterns: ["operator"],
    ports: { http: 8000, metrics: 9090 },
    runAs: { userId: 1000, groupId: 0 },
    image: "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.1",
  });
});
