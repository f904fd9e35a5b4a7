import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { engineSpec } from "../../support/engine-spec.ts";
import { only } from "../support/resources-of.ts";
import { recordingOfSpec } from "../support/stack-recording.ts";

const observability = {
  prometheus: "http://prometheus-operated.monitoring.svc:9090",
  podMonitors: { labels: { release: "main" } },
};
const addons = { keda: "present", prometheusOperator: "present" };

describe.each(["triton", "vllm"] as const)("replicas of %s", (type) => {
  const scaled = (autoscaling: object, rest: object = { addons, observability }) =>
    recordingOfSpec(
      type === "triton"
        ? engineSpec(type, { autoscaling }, {}, rest)
        : engineSpec(type, {}, { autoscaling }, rest),
    );

  test("are measured where the spec says how monitors are selected, and not without", async () => {
    const { resources } = await recordingOfSpec(
      engineSpec(type, {}, {}, { addons: { prometheusOperator: "present" }, observability }),
    );
    const monitors = resources.filter(({ type: token }) => token.endsWith(":PodMonitor"));
    expect(monitors.map(({ inputs }) => inputs.metadata.labels["release"])).toEqual(["main", "main"]);
    const plain = await recordingOfSpec(engineSpec(type));
    expect(plain.resources.filter(({ type: token }) => token.endsWith(":PodMonitor"))).toEqual([]);
  });

  test("are scaled by KEDA on the engine's own queue, which then owns their number", async () => {
    const { resources, plan } = await scaled({ maxReplicas: 6 });
    const [group] = plan.groups;
    expect(group).toMatchObject({ replicasOwner: "keda", autoscaling: { signal: "queue", maxReplicas: 6 } });
    const { spec } = only(resources, ":Deployment", `${group?.name}-deployment`).inputs;
    // What it begins with; updates leave it to the autoscaler.
    expect(spec.replicas).toBe(group?.replicas);
    const object = resources.find(({ type: token }) => token.endsWith(":ScaledObject"))?.inputs;
    expect(object?.spec).toMatchObject({
      scaleTargetRef: { kind: "Deployment", name: group?.name },
      minReplicaCount: 1,
      maxReplicaCount: 6,
    });
    expect(JSON.stringify(object?.spec.triggers)).toContain(engineProfiles[type].metrics.queue);
  });

  test("are scaled on GPU utilisation or the request rate where the spec says so", async () => {
    const busy = await scaled({ signal: "gpu-utilisation", maxReplicas: 6 });
    expect(JSON.stringify(busy.resources)).toContain("DCGM_FI_DEV_GPU_UTIL");
    const asked = await scaled({ signal: "request-rate", maxReplicas: 6 });
    expect(JSON.stringify(asked.resources)).toContain("inference_requests_total");
  });

  test("go to none by the request rate, and the Service then waits for no endpoint", async () => {
    const { resources, plan } = await scaled({ signal: "request-rate", minReplicas: 0, maxReplicas: 6 });
    const object = resources.find(({ type: token }) => token.endsWith(":ScaledObject"))?.inputs;
    expect(object?.spec.minReplicaCount).toBe(0);
    const service = only(resources, ":Service", `${plan.groups[0]?.name}-service`).inputs;
    expect(service.metadata.annotations).toEqual({ "pulumi.com/skipAwait": "true" });
  });

  test("are scaled by a HorizontalPodAutoscaler where the spec prefers it", async () => {
    const { resources, plan } = await scaled(
      { scaler: "hpa", maxReplicas: 6 },
      { addons: { prometheusOperator: "present" }, observability },
    );
    expect(plan.groups[0]?.replicasOwner).toBe("hpa");
    expect(resources.filter(({ type: token }) => token.endsWith(":HorizontalPodAutoscaler"))).toHaveLength(1);
  });
});

describe("workers of a graph", () => {
  const scaled = (autoscaling: object, needed: object) =>
    recordingOfSpec(
      engineSpec(
        "dynamo",
        {},
        { autoscaling },
        { addons: { dynamoPlatform: "present", prometheusOperator: "present", ...needed }, observability },
      ),
    );
  const adapter = { kind: "DynamoGraphDeploymentScalingAdapter" };

  test("go to none by the request rate, which the proxy counts without them", async () => {
    const { resources } = await scaled(
      { signal: "request-rate", minReplicas: 0, maxReplicas: 6 },
      { keda: "present" },
    );
    const object = resources.find(({ type: token }) => token.endsWith(":ScaledObject"))?.inputs;
    expect(object?.spec).toMatchObject({ scaleTargetRef: adapter, minReplicaCount: 0, maxReplicaCount: 6 });
  });

  test("are scaled by a HorizontalPodAutoscaler on the request rate, through the graph's adapter", async () => {
    const { resources } = await scaled({ scaler: "hpa", signal: "request-rate", maxReplicas: 6 }, {});
    const object = resources.find(({ type: token }) => token.endsWith(":HorizontalPodAutoscaler"))?.inputs;
    expect(object?.spec.scaleTargetRef).toMatchObject(adapter);
  });
});

test("the proxy is measured too: what it counts scales groups that have no replica", async () => {
  const { resources } = await recordingOfSpec(
    engineSpec("vllm", {}, {}, { addons: { prometheusOperator: "present" }, observability }),
  );
  const monitor = only(resources, ":PodMonitor", "inference-proxy-monitor-pod-monitor").inputs;
  expect(monitor.spec.podMetricsEndpoints[0]).toMatchObject({
    port: "metrics",
    path: "/metrics",
  });
});
