import { describe, expect, test } from "vitest";
import { only } from "../../support/resources-of.ts";
import { recordingOfSpec } from "../../support/stack-recording.ts";
import { dynamoSpec } from "./dynamo-spec.ts";

const group = "chat-llama-3-70b-free";
const measured = [
  "addons: { dynamoPlatform: present, keda: present, prometheusOperator: present }",
  "observability: { prometheus: 'http://prometheus.monitoring.svc:9090', podMonitors: { labels: { release: main } } }",
];

async function recorded(...model: readonly string[]) {
  const { resources } = await recordingOfSpec(dynamoSpec({ platform: measured, model }));
  return resources;
}

describe("a graph that is measured", () => {
  test("has monitors of the platform's own instead of the operator's, by the operator's names of ports", async () => {
    const resources = await recorded("autoscaling: { maxReplicas: 4 }");
    const graph = only(resources, ":DynamoGraphDeployment", `${group}-graph`);
    expect(graph.inputs.metadata.annotations["nvidia.com/enable-metrics"]).toBe("false");
    const endpoint = (name: string) =>
      only(resources, ":PodMonitor", `${group}-${name}-monitor-pod-monitor`).inputs.spec;
    expect(endpoint("frontend").podMetricsEndpoints[0]).toMatchObject({ port: "http", path: "/metrics" });
    expect(endpoint("workers").podMetricsEndpoints[0]).toMatchObject({ port: "system", path: "/metrics" });
    for (const [name, type] of [
      ["frontend", "frontend"],
      ["workers", "decode"],
    ] as const) {
      const { labels } = graph.inputs.spec.components.find((one: { type: string }) => one.type === type)
        .podTemplate.metadata;
      expect(labels).toMatchObject(endpoint(name).selector.matchLabels);
    }
  });
});

describe("a graph that is scaled", () => {
  test("has its workers' size written to the adapter, and not said by the plan", async () => {
    const resources = await recorded("autoscaling: { maxReplicas: 4 }");
    const { components } = only(resources, ":DynamoGraphDeployment", `${group}-graph`).inputs.spec;
    expect(components[1].scalingAdapter).toEqual({});
    expect(components[1]).not.toHaveProperty("replicas");
    const scaled = only(resources, ":ScaledObject", `${group}-workers-scaler-scaled-object`).inputs.spec;
    expect(scaled.scaleTargetRef).toEqual({
      apiVersion: "nvidia.com/v1alpha1",
      kind: "DynamoGraphDeploymentScalingAdapter",
      name: `${group}-decode`,
    });
    expect(scaled.maxReplicaCount).toBe(4);
    // Counted at the frontends, which are found under the group's name.
    expect(JSON.stringify(scaled.triggers)).toContain("dynamo_frontend_queued_requests");
    const frontend = components[0].podTemplate.metadata.labels;
    expect(frontend["app.kubernetes.io/instance"]).toBe(group);
  });

  test("has an adapter for each of two pools, each by its own GPUs", async () => {
    const resources = await recorded(
      "dynamo: { disaggregation: true }",
      "autoscaling: { maxReplicas: 4, signal: gpu-utilisation }",
    );
    const targets = resources
      .filter(({ type }) => type.endsWith(":ScaledObject"))
      .map(({ inputs }) => inputs.spec.scaleTargetRef.name);
    expect(targets.toSorted()).toEqual([`${group}-decode`, `${group}-prefill`]);
  });

  test("is left to its planner where it has one, which asks Prometheus", async () => {
    const { resources, plan } = await recordingOfSpec(
      dynamoSpec({
        platform: [
          "addons: { dynamoPlatform: present }",
          "observability: { prometheus: 'http://prometheus.monitoring.svc:9090' }",
        ],
        model: ["dynamo: { planner: { maxGpus: 16 } }"],
      }),
    );
    // Nodes and quota have room for what the planner may do.
    const [owned] = plan.groups;
    const most = Math.floor(16 / (owned?.gpusPerReplica ?? 0));
    expect(owned).toMatchObject({ replicasOwner: "engine", plannerMaxReplicas: most });
    const namespace = plan.namespaces.find(({ name }) => name === owned?.namespace);
    expect(namespace?.quota.gpus).toBeGreaterThanOrEqual(16);
    const gpus = plan.nodePools.reduce((sum, pool) => sum + pool.maxNodes * pool.gpusPerNode, 0);
    expect(gpus).toBeGreaterThanOrEqual(16);
    const { components } = only(resources, ":DynamoGraphDeployment", `${group}-graph`).inputs.spec;
    const planner = components[2];
    expect(planner.type).toBe("planner");
    expect(planner.podTemplate.spec.containers[0].env).toContainEqual({
      name: "PROMETHEUS_ENDPOINT",
      value: "http://prometheus.monitoring.svc:9090",
    });
    // The operator's account for planners may scale the graph; another could not.
    expect(planner.podTemplate.spec).not.toHaveProperty("serviceAccountName");
    expect(components[1]).not.toHaveProperty("replicas");
    const policy = only(resources, ":NetworkPolicy", `${group}-network-to-servers`).inputs;
    expect(JSON.stringify(policy.spec.egress)).toContain("9090");
  });
});

describe("the platform of the graphs", () => {
  test("is installed in the engines' release, with NATS only for engines that report over it", async () => {
    const release = async (...engine: readonly string[]) => {
      const { resources } = await recordingOfSpec(
        dynamoSpec({ platform: ["addons: { dynamoPlatform: install }"], engine }),
      );
      return only(resources, ":Release", "dynamo-platform-release").inputs;
    };
    const plain = await release();
    expect(plain.version).toBe("1.3.1");
    expect(plain.values.global.nats.install).toBe(false);
    const nats = await release("dynamo: { eventPlane: nats, version: 1.3.0 }");
    expect(nats.version).toBe("1.3.0");
    expect(nats.values.global.nats.install).toBe(true);
  });
});
