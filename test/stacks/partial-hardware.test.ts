import { beforeAll, describe, expect, test } from "vitest";
import { clusterSpecText } from "../components/support/cluster-spec.ts";
import { present } from "../components/support/present.ts";
import { only, type RecordedResource } from "../components/support/resources-of.ts";
import { recordingOfSpec, type StackRecording } from "../components/support/stack-recording.ts";
import { deviceResource } from "../../platform/plan/devices.ts";
import { parseSpec } from "../../platform/spec/load.ts";

/** One engine on CPU, one on slices, one on whole cards of the kind that is cut. */
const text = `${present(clusterSpecText.split("engines:")[0]).replace(
  "use: [L4, L40S, H100-80G]",
  "use: [CPU, H100-80G, H100-80G-1g.10gb]",
)}engines:
  - name: slow
    type: triton
    storage: { dataset: Fraud_Models, path: repository }
    models:
      - name: scorer
        # Measured on CPU alone: a slice that others leave free would cost nothing.
        profiles: [{ accelerator: CPU, maxBatchSize: 8, gamma: 10ms, delta: 20ms, weights: 1Gi, source: test }]
        traffic: [{ slo: { latencyP95: 1s }, load: { rate: 60/min } }]
  - name: quick
    type: triton
    storage: { dataset: Fraud_Models, path: repository }
    models: [{ name: bert-base, traffic: [{ slo: { latencyP95: 30ms }, load: { rate: 60/min } }] }]
  - name: chat
    type: vllm
    storage: { dataset: Fraud_Models, path: llm }
    models:
      - name: llama-3-8b
        traffic: [{ slo: { ttftP95: 1s, itlMean: 30ms }, load: { rate: 60/min, inputTokens: 512, outputTokens: 128 } }]
`;

describe("the program of a platform on CPU, slices and cards", () => {
  let recording: StackRecording;
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    recording = await recordingOfSpec(parseSpec(text, "partial.yaml"));
    resources = recording.resources;
  });
  const pod = (group: string) =>
    only(resources, ":Deployment", `${group}-deployment`).inputs.spec.template.spec;
  const groupOf = (engine: string) => present(recording.plan.groups.find((group) => group.engine === engine));

  test("is planned on all three", () => {
    expect(recording.plan.unplaced).toEqual([]);
    expect(["slow", "quick", "chat"].map((engine) => groupOf(engine).accelerator)).toEqual([
      "CPU",
      "H100-80G-1g.10gb",
      "H100-80G",
    ]);
  });

  test("asks for no GPU where a replica runs on CPU, and tolerates the platform's own taint", () => {
    const { memoryMiB } = groupOf("slow");
    const amounts = { cpu: "3000m", memory: `${memoryMiB}Mi` };
    expect(pod("slow").containers[0].resources).toEqual({ requests: amounts, limits: amounts });
    expect(pod("slow").tolerations).toEqual([
      { key: "domino-inference/engines", operator: "Exists", effect: "NoSchedule" },
    ]);
    expect(pod("slow").nodeSelector).toEqual({
      "domino-inference/platform": "bank",
      "domino-inference/accelerator": "CPU",
    });
  });

  test("asks for one slice where a replica runs on one, on GPU nodes", () => {
    const { cpuMillis, memoryMiB } = groupOf("quick");
    const amounts = { cpu: `${cpuMillis}m`, memory: `${memoryMiB}Mi`, "nvidia.com/mig-1g.10gb": "1" };
    expect(pod("quick").containers[0].resources).toEqual({ requests: amounts, limits: amounts });
    expect(pod("quick").tolerations).toEqual([
      { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
    ]);
    expect(pod("quick").nodeSelector["domino-inference/accelerator"]).toBe("H100-80G-1g.10gb");
  });

  test("makes every node group of the plan, under names of their own, that admits the pods packed onto it", () => {
    const pools = recording.plan.nodePools;
    expect(pools.map(({ name }) => name)).toEqual([
      "bank-m7i-xlarge",
      "bank-p5-4xlarge",
      "bank-p5-4xlarge-1g-10gb",
    ]);
    for (const pool of pools) {
      const { labels, taints, instanceTypes } = only(resources, ":NodeGroup", `${pool.name}-nodes`).inputs;
      expect(instanceTypes).toEqual([pool.instanceType]);
      for (const node of pool.nodes) {
        const total = { cpuMillis: 0, memoryMiB: 0, accelerators: 0 };
        for (const { group, count } of node.replicas) {
          expect(labels).toMatchObject(pod(group).nodeSelector);
          expect(pod(group).tolerations.map(({ key }: { key: string }) => key)).toEqual(
            taints.map(({ key }: { key: string }) => key),
          );
          const { requests } = pod(group).containers[0].resources;
          total.cpuMillis += count * Number.parseInt(requests.cpu);
          total.memoryMiB += count * Number.parseInt(requests.memory);
          total.accelerators += count * Number(requests[deviceResource(pool.device) ?? ""] ?? 0);
        }
        expect(total.cpuMillis).toBeLessThanOrEqual(pool.allocatable.cpuMillis);
        expect(total.memoryMiB).toBeLessThanOrEqual(pool.allocatable.memoryMiB);
        expect(total.accelerators).toBeLessThanOrEqual(pool.allocatable.gpuCount);
      }
    }
  });

  test("keeps GPUs and slices within the quota, with one more pod of each as a rollout needs", () => {
    const { hard } = only(resources, ":ResourceQuota", "domino-inference-test-quota").inputs.spec;
    expect(hard).toMatchObject({
      "requests.nvidia.com/gpu": String(2 * groupOf("chat").gpusPerReplica),
      "requests.nvidia.com/mig-1g.10gb": "2",
    });
  });
});
