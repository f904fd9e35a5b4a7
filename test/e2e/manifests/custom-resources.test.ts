import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { Provider } from "@pulumi/kubernetes/provider.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { addonComponents } from "../../../components/addons/addon-components.ts";
import { parseSpec } from "../../../platform/spec/load.ts";
import { recordingOfSpec } from "../../components/support/stack-recording.ts";
import { dynamoGroup, graphOf } from "../../platform/engines/dynamo/graph-fixture.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import { ApiRefusal } from "../cluster/cluster-api.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { EngineFixture, findEngine } from "../providers/engine-fixture.ts";
import { suite } from "../requires.ts";
import { applyAll } from "./apply.ts";
import { kubernetesObjects } from "./planned-objects.ts";

const engine = await findEngine();

/** Replicas on two nodes, on one, and none where nobody asks; scaled by KEDA and by a HorizontalPodAutoscaler. */
const specText = `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: bank, stage: test }
catalog: "2026-11"
cluster:
  existing:
    name: bank
    region: eu-central-1
    accountId: "210987654321"
    oidcIssuer: oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA
    nodeSecurityGroup: sg-0123456789
    privateSubnets: [{ id: subnet-0123456781, cidr: 10.1.0.0/19 }]
    kmsKeyArn: arn:aws:kms:eu-central-1:210987654321:key/1
accelerators: { use: [H100-80G] }
addons: { keda: present, leaderWorkerSet: present, prometheusOperator: present }
observability:
  prometheus: http://prometheus-operated.monitoring.svc:9090
  podMonitors: { labels: { release: kube-prometheus-stack } }
proxy: { image: "registry.bank/proxy:1.0.0", replicas: 2 }
engines:
  - name: wide
    type: vllm
    storage: s3://bank-models/llm
    models:
      - name: llama-3-70b
        gpusPerReplica: 16
        nodesPerReplica: 2
        autoscaling: { maxReplicas: 4 }
        traffic: [&traffic { slo: { ttftP95: 2s }, load: { rate: 6/min, inputTokens: 512, outputTokens: 128 } }]
  - name: busy
    type: vllm
    storage: s3://bank-models/llm
    models:
      - name: llama-3-70b
        autoscaling: { scaler: hpa, signal: gpu-utilisation, maxReplicas: 4 }
        traffic: [*traffic]
  - name: idle
    type: vllm
    storage: s3://bank-models/llm
    models:
      - name: llama-3-70b
        autoscaling: { signal: request-rate, minReplicas: 0, maxReplicas: 4, cooldown: 15min }
        traffic: [*traffic]
`;

const kinds = [
  "ScaledObject",
  "HorizontalPodAutoscaler",
  "PodMonitor",
  "LeaderWorkerSet",
  "DynamoGraphDeployment",
];

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- every kind has other fields
type Changed = any;
type Changeable = KubernetesObject & { spec: Changed };

// What the toolchain pins and this repository holds judges, whatever else lies about on a machine.
beforeAll(() => void vi.stubEnv("DOMINO_INFERENCE_CRDS", "/nowhere"));
afterAll(() => void vi.unstubAllEnvs());

suite("custom resources before a real API server", [clusterNeed()], () => {
  let cluster: Cluster;
  let objects: readonly KubernetesObject[];

  beforeAll(async () => {
    const { resources } = await recordingOfSpec(parseSpec(specText, "bank.yaml"));
    const graph = graphOf([dynamoGroup()]) as unknown as KubernetesObject;
    const own = kubernetesObjects(resources).filter(({ kind }) => kinds.includes(kind));
    const namespaces = new Set([...own, graph].map(({ metadata }) => metadata.namespace ?? ""));
    objects = [
      ...[...namespaces].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
      ...own,
      graph,
    ];
    cluster = await startCluster();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  test("have definitions that judge them, pinned or written by hand", async () => {
    const definitions = await cluster.defineKinds(objects);
    expect(definitions.map(({ kind, source, judges }) => [kind, source, judges]).toSorted()).toEqual([
      ["DynamoGraphDeployment", "written from the operator's facts", true],
      ["LeaderWorkerSet", expect.stringMatching(/^leader-worker-set v\d/), true],
      ["PodMonitor", expect.stringMatching(/^prometheus-operator v\d/), true],
      ["ScaledObject", expect.stringMatching(/^keda v\d/), true],
    ]);
  });

  test("are accepted with strict field validation", async () => {
    expect(await applyAll(cluster, objects)).toEqual([]);
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(new Set(["Namespace", ...kinds]));
  });

  test.each(kinds)("are refused with a field that %s does not know", async (kind) => {
    const object = structuredClone(objects.find((one) => one.kind === kind)) as Changeable;
    object.spec.replicaz = 1;
    const refusal = await refusalOf(object);
    expect(refusal.message).toContain("replicaz");
  });

  test.each([
    ["ScaledObject", (spec: Changed): unknown => (spec.maxReplicaCount = "four"), "maxReplicaCount"],
    [
      "PodMonitor",
      (spec: Changed): unknown => (spec.podMetricsEndpoints[0].relabelings[0].targetLabel = 1),
      "targetLabel",
    ],
    ["LeaderWorkerSet", (spec: Changed): unknown => (spec.leaderWorkerTemplate.size = "two"), "size"],
    ["DynamoGraphDeployment", (spec: Changed): unknown => (spec.components[0].type = "proxy"), "type"],
    [
      "DynamoGraphDeployment",
      (spec: Changed): unknown => (spec.components[0].podTemplate.spec.containers[0].name = "engine"),
      "the container of a component is called main",
    ],
    ["DynamoGraphDeployment", (spec: Changed): unknown => (spec.components = []), "components"],
  ] as const)("are refused where a %s is wrong: %s", async (kind, change, said) => {
    const object = structuredClone(objects.find((one) => one.kind === kind)) as Changeable;
    change(object.spec);
    expect((await refusalOf(object)).message).toContain(said);
  });

  async function refusalOf(object: KubernetesObject): Promise<ApiRefusal> {
    const refusal = await cluster.api.apply(object).catch((error: unknown) => error);
    if (!(refusal instanceof ApiRefusal)) throw new Error(`the API server took ${object.kind}`);
    return refusal;
  }
});

suite("add-ons that a cluster is said to have", [engine.need, clusterNeed()], () => {
  let cluster: Cluster;
  let stack: EngineFixture;

  beforeAll(async () => {
    [cluster, stack] = await Promise.all([
      startCluster(),
      EngineFixture.create(engine.cli, { official: [] }),
    ]);
    stack.program = async () => {
      const provider = new Provider("cluster", { kubeconfig: cluster.kubeconfig });
      const addons = addonComponents(
        { platform: "bank", stage: "test", modes: { keda: "present" } },
        { providers: [provider] },
      );
      new CustomResource(
        "scaler",
        {
          apiVersion: "keda.sh/v1alpha1",
          kind: "ScaledObject",
          metadata: {
            name: "chat",
            namespace: "default",
            // The garbage collector learns of new kinds every half minute only, and would be waited for.
            annotations: { "pulumi.com/deletionPropagationPolicy": "background" },
          },
          spec: { scaleTargetRef: { name: "chat" }, triggers: [{ type: "prometheus", metadata: {} }] },
        },
        { provider, dependsOn: [...addons.values()] },
      );
      return {};
    };
  }, 120_000);

  afterAll(async () => {
    await stack.remove();
    await cluster.stop();
  }, 60_000);

  describe("and has not", () => {
    test("fail already the preview, by the name of what is missing", async () => {
      const failure = await stack.failure(stack.preview());
      expect(failure).toContain("scaledobjects.keda.sh");
      expect(failure).toContain("does not exist");
    });
  });

  describe("and has", () => {
    test("are only read, before the first object of their kinds", async () => {
      await cluster.defineKinds([
        { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata: { name: "" } },
      ]);
      await stack.up();
      const order = stack.steps.map(({ op, name }) => `${op} ${name}`);
      const read = order.indexOf("read keda-ready-scaledobjects.keda.sh");
      expect(read).toBeGreaterThanOrEqual(0);
      expect(order.indexOf("create scaler")).toBeGreaterThan(read);
    });

    test("stay when the stack goes", async () => {
      await stack.destroy();
      const definition = {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "scaledobjects.keda.sh" },
      };
      expect(await cluster.api.read(definition)).toBeDefined();
    });
  });
});
