import { describe, expect, test } from "vitest";
import { GroupScaler } from "../../../../components/engines/scaling/group-scaler.ts";
import type { AutoscalingPlan } from "../../../../platform/scaling/autoscaling-plan.ts";
import {
  gpuUtilisationQuery,
  queueQuery,
  requestRateQuery,
} from "../../../../platform/scaling/signal-queries.ts";
import { only, resourcesOf } from "../../support/resources-of.ts";
import { scaledGroup, scalerArgs } from "./group-scaling.ts";

async function objectOf(autoscaling: Partial<AutoscalingPlan>, kind: string) {
  const resources = await resourcesOf(() => new GroupScaler("chat", scalerArgs(autoscaling)));
  return only(resources, `:${kind}`).inputs;
}

const trigger = (name: string, query: string, threshold: string) => ({
  type: "prometheus",
  name,
  metricType: "AverageValue",
  metadata: {
    serverAddress: "http://prometheus-operated.monitoring.svc:9090",
    query,
    threshold,
    activationThreshold: "0",
    ignoreNullValues: "false",
  },
});

describe("KEDA", () => {
  test("scales the group's workload between its bounds, and keeps the plan's size where it cannot see", async () => {
    const { metadata, spec, apiVersion } = await objectOf({}, "ScaledObject");
    expect(apiVersion).toBe("keda.sh/v1alpha1");
    expect(metadata).toEqual({
      name: scaledGroup.name,
      namespace: "llm",
      labels: { "app.kubernetes.io/part-of": "domino-inference" },
    });
    expect(spec).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: scaledGroup.name },
      minReplicaCount: 1,
      maxReplicaCount: 8,
      pollingInterval: 15,
      fallback: { failureThreshold: 3, replicas: 3, behavior: "currentReplicasIfHigher" },
      advanced: {
        restoreToOriginalReplicaCount: false,
        horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 600 } } },
      },
    });
    expect(spec.cooldownPeriod).toBeUndefined();
  });

  test("adds replicas by the queue, and holds what the requests need", async () => {
    const { spec } = await objectOf({}, "ScaledObject");
    expect(spec.triggers).toEqual([
      trigger("queue", queueQuery("vllm:num_requests_waiting", scaledGroup), "16"),
      trigger("request-rate", requestRateQuery(scaledGroup, "platform"), "42.5"),
    ]);
  });

  test("follows GPU utilisation", async () => {
    const { spec } = await objectOf({ signal: "gpu-utilisation", target: 80 }, "ScaledObject");
    expect(spec.triggers).toEqual([trigger("gpu-utilisation", gpuUtilisationQuery(scaledGroup), "80")]);
  });

  test("goes to no replica by the request rate, after the cooldown and not at once after the start", async () => {
    const { spec } = await objectOf(
      { signal: "request-rate", target: 30, minReplicas: 0, cooldownSeconds: 900 },
      "ScaledObject",
    );
    expect(spec).toMatchObject({ minReplicaCount: 0, cooldownPeriod: 900, initialCooldownPeriod: 900 });
    expect(spec.triggers).toEqual([trigger("request-rate", requestRateQuery(scaledGroup, "platform"), "30")]);
  });

  test.each([
    [{ maxReplicas: 2 }, 2],
    [{ minReplicas: 5 }, 5],
    [{ minReplicas: 0, signal: "request-rate" }, 3],
  ] as const)("falls back to a size within the bounds %j", async (bounds, replicas) => {
    expect((await objectOf(bounds, "ScaledObject")).spec.fallback.replicas).toBe(replicas);
  });

  test("scales anything that can be scaled", async () => {
    const target = {
      apiVersion: "nvidia.com/v1beta1",
      kind: "DynamoGraphDeploymentScalingAdapter",
      name: "chat-decode",
    };
    const resources = await resourcesOf(() => new GroupScaler("chat", { ...scalerArgs(), target }));
    expect(only(resources, ":ScaledObject").inputs.spec.scaleTargetRef).toEqual(target);
  });

  test("is refused without a Prometheus to ask", () => {
    const { prometheus: _, ...args } = scalerArgs();
    return expect(resourcesOf(() => new GroupScaler("chat", args))).rejects.toThrow(
      "KEDA scales chat-llama-free by what Prometheus knows, and no address of it is given",
    );
  });
});

describe("a HorizontalPodAutoscaler", () => {
  const rate = (averageValue: string) => ({
    type: "External",
    external: {
      metric: {
        name: "inference_requests_per_minute",
        selector: {
          matchExpressions: [
            { key: "server", operator: "In", values: ["chat"] },
            { key: "model", operator: "In", values: ["llama-3-70b"] },
            { key: "version", operator: "In", values: ["1"] },
            { key: "service_class", operator: "In", values: ["Free"] },
          ],
        },
      },
      target: { type: "AverageValue", averageValue },
    },
  });
  const pods = (name: string, averageValue: string) => ({
    type: "Pods",
    pods: { metric: { name }, target: { type: "AverageValue", averageValue } },
  });

  test.each([
    ["queue", 16, [pods("inference_queue_requests", "16"), rate("42.5")]],
    ["gpu-utilisation", 80, [pods("inference_gpu_utilisation_percent", "80")]],
    ["request-rate", 30, [rate("30")]],
  ] as const)("follows %s by the adapter's metrics", async (signal, target, metrics) => {
    const { spec } = await objectOf({ scaler: "hpa", signal, target }, "HorizontalPodAutoscaler");
    expect(spec).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: scaledGroup.name },
      minReplicas: 1,
      maxReplicas: 8,
      behavior: { scaleDown: { stabilizationWindowSeconds: 600 } },
    });
    expect(spec.metrics).toEqual(metrics);
  });

  test("needs no address of Prometheus", async () => {
    const { prometheus: _, ...args } = scalerArgs({ scaler: "hpa" });
    const resources = await resourcesOf(() => new GroupScaler("chat", args));
    expect(resources.filter(({ type }) => type.endsWith(":ScaledObject"))).toEqual([]);
    only(resources, ":HorizontalPodAutoscaler");
  });
});

test.each([
  [1 / 3, "0.333"],
  [0, "0.001"],
  [1200, "1200"],
])("a target of %d is written as %s, which autoscalers take", async (target, text) => {
  const { spec } = await objectOf({ signal: "request-rate", target }, "ScaledObject");
  expect(spec.triggers[0].metadata.threshold).toBe(text);
});
