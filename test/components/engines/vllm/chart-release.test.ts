import { beforeAll, describe, expect, test } from "vitest";
import { createdAfter, only, type RecordedResource } from "../../support/resources-of.ts";
import { recordingOfSpec, type StackRecording } from "../../support/stack-recording.ts";
import { vllmSpec } from "./vllm-spec.ts";

const name = "chat-llama-3-70b-free";
const helm = ["deployment: helm", "environment: { NCCL_DEBUG: WARN, OTHER: { secret: own, key: a } }"];
let recording: StackRecording;
let resources: readonly RecordedResource[];
beforeAll(async () => {
  recording = await recordingOfSpec(vllmSpec({ engine: helm, model: ['arguments: ["--seed=7"]'] }));
  resources = recording.resources;
});

const release = (among = resources) => only(among, ":Release", `${name}-release`);
const serving = (among = resources) => release(among).inputs.values.servingEngineSpec;
const modelSpec = (among = resources) => serving(among).modelSpec[0];
const podLabels = {
  "app.kubernetes.io/name": "vllm",
  "app.kubernetes.io/instance": name,
  "app.kubernetes.io/component": "serving-engine",
};

describe("a release of the chart", () => {
  test("is of one version, in the engine's namespace, without the definitions of what is off", () => {
    expect(release().inputs).toMatchObject({
      name,
      namespace: "chat",
      chart: "vllm-stack",
      version: "0.1.12",
      repositoryOpts: { repo: "https://vllm-project.github.io/production-stack" },
      skipCrds: true,
    });
  });

  test("runs the planned replicas of the planned image with the planned arguments", () => {
    const [group] = recording.plan.groups;
    expect(modelSpec()).toMatchObject({
      name: "vllm",
      repository: "vllm/vllm-openai",
      tag: "v0.27.1",
      modelURL: "s3://bank-models/llm/llama-3-70b/2",
      replicaCount: group?.replicas,
      vllmConfig: { tensorParallelSize: group?.gpusPerReplica, enablePrefixCaching: true },
    });
    const { extraArgs } = modelSpec().vllmConfig;
    expect(extraArgs).toContain(`--max-num-seqs=${group?.maxBatchSize}`);
    expect(extraArgs.at(-1)).toBe("--seed=7");
  });

  test("says nothing twice that the chart says itself", () => {
    const { extraArgs } = modelSpec().vllmConfig;
    expect(
      extraArgs.filter((argument: string) => /^--(?:host|port|tensor|.*prefix-caching)/.test(argument)),
    ).toEqual([]);
    expect(modelSpec().podLabels).toEqual(
      expect.not.objectContaining({ "app.kubernetes.io/component": expect.anything() }),
    );
    expect(modelSpec().podLabels["inferno.server.name"]).toBe(name);
  });

  test("requests what it was packed by, and has shared memory of the planned size", () => {
    const [group] = recording.plan.groups;
    expect(modelSpec().resources.requests).toEqual({
      cpu: `${group?.cpuMillis}m`,
      memory: `${group?.memoryMiB}Mi`,
      "nvidia.com/gpu": String(group?.gpusPerReplica),
    });
    expect(modelSpec().resources.limits).toEqual(modelSpec().resources.requests);
    expect(modelSpec().shmSize).toBe(`${group?.sharedMemoryMiB}Mi`);
    expect(modelSpec().extraVolumes.map((volume: { name: string }) => volume.name)).toEqual(["scratch"]);
  });

  test("goes to the platform's own nodes, by affinity as the chart has no selector", () => {
    const [term] =
      modelSpec().affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
    expect(term.matchExpressions).toEqual([
      { key: "dominodatalab.com/node-pool", operator: "In", values: recording.plan.groups[0]?.nodePools },
      { key: "domino-inference/platform", operator: "In", values: ["bank"] },
      { key: "domino-inference/accelerator", operator: "In", values: ["H100-80G"] },
    ]);
    expect(modelSpec().tolerations).toEqual([
      { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
    ]);
  });

  test("needs no runtime class, which EKS' nodes do not have", () => {
    expect([serving().runtimeClassName, modelSpec().runtimeClassName]).toEqual(["", ""]);
  });

  test("rolls without a spare GPU", () => {
    expect(serving().strategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    });
  });

  test("is probed as the plan foresees, not for the chart's ten minutes", () => {
    const { startupProbe, livenessProbe, readinessProbe } = serving();
    const startupSeconds = recording.plan.groups[0]?.startupSeconds ?? 0;
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(startupSeconds);
    expect(livenessProbe).toEqual({
      initialDelaySeconds: 1,
      timeoutSeconds: 5,
      periodSeconds: 10,
      failureThreshold: 6,
      httpGet: { path: "/health", port: 8000 },
    });
    expect(readinessProbe.httpGet).toEqual({ path: "/health", port: 8000 });
  });

  test("is confined as Pod Security restricted demands, with a read-only root", () => {
    expect(serving().securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 2000 });
    expect(serving().containerSecurityContext).toEqual({
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  test("has the environment of profile and spec, secrets by reference, without what the chart sets", () => {
    expect(modelSpec().env).toEqual([
      { name: "HOME", value: "/tmp" },
      { name: "HF_HUB_OFFLINE", value: "1" },
      { name: "VLLM_NO_USAGE_STATS", value: "1" },
      { name: "NCCL_DEBUG", value: "WARN" },
      { name: "OTHER", valueFrom: { secretKeyRef: { name: "own", key: "a" } } },
    ]);
  });

  test("has nothing of the chart on that the platform does itself", () => {
    expect(release().inputs.values).toMatchObject({
      routerSpec: { enableRouter: false },
      cacheserverSpec: { enabled: false },
      loraController: { enableLoraController: false },
      "kube-prometheus-stack": { enabled: false },
    });
    expect(serving().serviceMonitor).toEqual({ enabled: false });
  });
});

describe("beside the release", () => {
  test("the Deployment is given the time to drain that the chart has no value for", () => {
    const patch = only(resources, ":DeploymentPatch");
    expect(patch.inputs.metadata).toMatchObject({
      name: `${name}-vllm-deployment-vllm`,
      namespace: "chat",
      annotations: { "pulumi.com/skipAwait": "true" },
    });
    const { spec } = patch.inputs.spec.template;
    expect(spec).toMatchObject({
      terminationGracePeriodSeconds: 330,
      automountServiceAccountToken: false,
      containers: [{ name: "vllm", lifecycle: { preStop: { sleep: { seconds: 15 } } } }],
    });
    for (const { labelSelector } of spec.topologySpreadConstraints ?? []) {
      expect(labelSelector).toEqual({ matchLabels: podLabels });
    }
    expect(createdAfter(resources, patch)).toContain(release().urn);
  });

  test("the Service that routes name chooses the chart's pods, and is waited for as long as a model loads", () => {
    const service = only(resources, ":Service", `${name}-service`);
    expect(service.inputs.metadata.name).toBe(name);
    expect(service.inputs.spec.selector).toEqual(podLabels);
    expect(service.timeouts?.create).toBe(release().timeouts?.create);
    expect(createdAfter(resources, service)).toContain(only(resources, ":DeploymentPatch").urn);
  });

  test("the proxy may reach the chart's pods, whose labels its own policy does not know", () => {
    const policy = only(resources, ":NetworkPolicy", `${name}-proxy-to-chart`).inputs;
    expect(policy.metadata.namespace).toBe("domino-inference-test");
    expect(policy.spec.egress).toEqual([
      {
        to: [
          {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "chat" } },
            podSelector: { matchLabels: podLabels },
          },
        ],
        ports: [{ protocol: "TCP", port: 8000 }],
      },
    ]);
    expect(policy.spec.podSelector.matchLabels["app.kubernetes.io/name"]).toBe("inference-proxy");
  });

  test("policies, budget and account are there for the chart's pods too", () => {
    expect(only(resources, ":PodDisruptionBudget", name + "-budget").inputs.spec.selector).toEqual({
      matchLabels: podLabels,
    });
    const ingress = only(resources, ":NetworkPolicy", "network-from-proxy").inputs.spec;
    expect(ingress.podSelector).toEqual({ matchLabels: podLabels });
    expect(modelSpec().serviceAccountName).toBe(name);
    expect(only(resources, ":ServiceAccount", `${name}-account`).inputs.metadata.name).toBe(name);
  });
});

test("a volume, a chat template and an image by digest reach the chart's pods", async () => {
  const digest = "a".repeat(64);
  const { resources: own } = await recordingOfSpec(
    vllmSpec({
      engine: ["deployment: helm", `image: registry.bank/vllm@sha256:${digest}`],
      storage: "{ dataset: models, path: llm }",
      model: ["vllm: { chatTemplate: { configMap: templates, key: chat.jinja }, prefixCaching: false }"],
    }),
  );
  const spec = modelSpec(own);
  expect([spec.repository, spec.tag]).toEqual(["registry.bank/vllm@sha256", digest]);
  expect(spec.vllmConfig.enablePrefixCaching).toBe(false);
  expect(spec.vllmConfig.extraArgs).toContain("--chat-template=/etc/vllm/chat-template/chat.jinja");
  expect(spec.extraVolumeMounts.map((mount: { mountPath: string }) => mount.mountPath)).toEqual([
    "/tmp",
    "/models",
    "/etc/vllm/chat-template",
  ]);
});

test("what copies a model from S3 is the chart's init container", async () => {
  const { resources: own } = await recordingOfSpec(
    vllmSpec({ engine: ["deployment: helm"], storage: "{ s3: 's3://bank-models/llm', access: copy }" }),
  );
  const { initContainer } = modelSpec(own);
  expect(initContainer).toMatchObject({ name: "copy-models" });
  expect(initContainer.extraVolumeMounts).toContainEqual({ name: "models", mountPath: "/models" });
  expect(initContainer).not.toHaveProperty("volumeMounts");
});

test("a model of the hub has its token from the Secret, and the chart's own place for downloads", async () => {
  const { resources: own } = await recordingOfSpec(
    vllmSpec({
      engine: ["deployment: helm"],
      storage: "{ huggingFace: Qwen, tokenSecret: { name: hub, key: token } }",
    }),
  );
  expect(modelSpec(own).modelURL).toBe("Qwen/llama-3-70b");
  expect(modelSpec(own).env).toContainEqual({
    name: "HF_TOKEN",
    valueFrom: { secretKeyRef: { name: "hub", key: "token" } },
  });
  expect(modelSpec(own).env.map((variable: { name: string }) => variable.name)).not.toContain("HF_HOME");
});

test("KEDA scales the chart's Deployment by the platform's own queries, and nobody sets its replicas", async () => {
  const { resources: own } = await recordingOfSpec(
    vllmSpec({
      engine: ["deployment: helm"],
      platform: [
        "addons: { keda: present, prometheusOperator: present }",
        "observability: { prometheus: 'http://prometheus-operated.monitoring.svc:9090', podMonitors: {} }",
      ],
      model: ["autoscaling: { maxReplicas: 3 }"],
    }),
  );
  expect(modelSpec(own)).not.toHaveProperty("replicaCount");
  const { keda } = modelSpec(own);
  expect(keda).toMatchObject({ enabled: true, minReplicaCount: 1, maxReplicaCount: 3 });
  expect(keda).not.toHaveProperty("scaleTargetRef");
  // The chart's own query asks for a label that vLLM does not give.
  expect(keda.triggers[0].metadata.query).toContain("vllm:num_requests_waiting{");
  expect(keda.triggers[0].metadata.query).toContain(`inference_group="${name}"`);
  expect(own.some(({ type }) => type.endsWith(":ScaledObject"))).toBe(false);
  const monitor = only(own, ":PodMonitor", `${name}-monitor-pod-monitor`).inputs.spec;
  expect(monitor.selector).toEqual({ matchLabels: podLabels });
  expect(monitor.podMetricsEndpoints[0].port).toBe("container-port");
});

test("a name that the chart would make too long a Service of is refused, with the way out", async () => {
  await expect(
    recordingOfSpec(
      vllmSpec({
        engine: ["deployment: helm"],
        model: ["base: llama-3-70b"],
        name: "llama-3-70b-of-the-risk-department",
      }),
    ),
  ).rejects.toMatchObject({
    propertyPath: "group",
    reason: expect.stringContaining("at most 43 characters, or deployment: standalone"),
  });
});
