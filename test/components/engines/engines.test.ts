import { beforeAll, describe, expect, test } from "vitest";
import { engineComponents } from "../../../components/engines/registry.ts";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { clusterSpec } from "../support/cluster-spec.ts";
import { createdAfter, only, type RecordedResource } from "../support/resources-of.ts";
import { recordingOfSpec, type StackRecording } from "../support/stack-recording.ts";
import { present } from "../support/present.ts";

let recording: StackRecording;
let resources: readonly RecordedResource[];
beforeAll(async () => {
  recording = await recordingOfSpec(clusterSpec());
  resources = recording.resources;
});

/** Of each kind: Triton from a dataset, vLLM from a dataset, vLLM from S3. */
const triton = "fraud";
const vllm = "chat-llama-3-70b-premium";
const streaming = "draft-llama-3-70b-premium";
const all = [triton, vllm, streaming, "draft-llama-3-70b-free"];

const group = (name: string): ReplicaGroupPlan =>
  present(recording.plan.groups.find((one) => one.name === name));
const deployment = (name: string) => only(resources, ":Deployment", `${name}-deployment`);
const pod = (name: string) => deployment(name).inputs.spec.template.spec;
const container = (name: string) => pod(name).containers[0];

test("every engine type has a component", () => {
  expect(Object.keys(engineComponents).sort()).toEqual(Object.keys(engineProfiles).sort());
});

describe.each(all)("the workload of %s", (name) => {
  test("runs the planned replicas of the planned image, in the engine's namespace", () => {
    const plan = group(name);
    expect(deployment(name).inputs.metadata).toMatchObject({ name, namespace: plan.namespace });
    expect(deployment(name).inputs.spec.replicas).toBe(plan.replicas);
    expect(container(name).image).toBe(
      present(recording.plan.engines.find((engine) => engine.name === plan.engine)).image,
    );
  });

  test("is told from all others by labels that no upgrade changes", () => {
    expect(deployment(name).inputs.spec.selector.matchLabels).toEqual({
      "app.kubernetes.io/name": group(name).engineType,
      "app.kubernetes.io/instance": name,
      "app.kubernetes.io/component": "inference-engine",
    });
  });

  test("runs the command of its profile, by the image's entry point where the profile says so", () => {
    const plan = group(name);
    const engine = present(recording.plan.engines.find((one) => one.name === plan.engine));
    const profile = engineProfiles[engine.type];
    const [given, absent] = profile.entryPoint === "image" ? ["args", "command"] : ["command", "args"];
    expect(container(name)[given ?? ""]).toEqual(profile.command(plan, engine));
    expect(container(name)).not.toHaveProperty(absent ?? "");
  });

  test("requests what it was packed by, and may use no more", () => {
    const plan = group(name);
    const expected = {
      cpu: `${plan.cpuMillis}m`,
      memory: `${plan.memoryMiB}Mi`,
      "nvidia.com/gpu": String(plan.gpusPerReplica),
    };
    expect(container(name).resources).toEqual({ requests: expected, limits: expected });
  });

  test("has the priority of its class and size, which evicts nobody: a rollout waits for the GPUs that it frees", () => {
    const { gpusPerReplica, serviceClasses } = group(name);
    const leading = serviceClasses[0] ?? "";
    const className = `domino-inference-test-${leading.toLowerCase()}-gpus-${gpusPerReplica}`;
    expect(pod(name).priorityClassName).toBe(className);
    const priority = only(resources, ":PriorityClass", `-${leading}-${gpusPerReplica}`);
    expect(priority.inputs).toMatchObject({
      metadata: { name: className },
      // Premium has priority 1 of 100, Free 100: any Premium comes before every Free, large replicas first in each.
      value: (leading === "Premium" ? 9_900 : 0) + gpusPerReplica,
      globalDefault: false,
      preemptionPolicy: "Never",
    });
    expect(createdAfter(resources, deployment(name))).toContain(priority.urn);
  });

  test("goes to the platform's own nodes with the planned accelerator, whose taint it tolerates", () => {
    expect(pod(name).nodeSelector).toEqual({
      "domino-inference/platform": recording.plan.platform,
      "domino-inference/accelerator": group(name).accelerator,
    });
    expect(pod(name).tolerations).toEqual([
      { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
    ]);
  });

  test("stays on the node groups that the plan packed it onto, so that larger replicas keep their nodes", () => {
    expect(pod(name).affinity.nodeAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: "dominodatalab.com/node-pool", operator: "In", values: group(name).nodePools },
            ],
          },
        ],
      },
    });
    expect(group(name).nodePools).not.toEqual([]);
  });

  test("gathers beside others where larger replicas need whole nodes, else spreads where there is room", () => {
    const own = group(name);
    const larger = recording.plan.groups.some(
      (other) => other.accelerator === own.accelerator && other.gpusPerReplica > own.gpusPerReplica,
    );
    expect(own.placement).toBe(larger ? "pack" : "spread");
    const gather = {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { "app.kubernetes.io/component": "inference-engine" } },
            namespaceSelector: {},
          },
        },
      ],
    };
    const spread = [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: deployment(name).inputs.spec.selector.matchLabels },
      },
    ];
    expect(pod(name).affinity.podAffinity).toEqual(larger ? gather : undefined);
    expect(pod(name).topologySpreadConstraints).toEqual(larger ? undefined : spread);
  });

  test("has the time to start that the plan foresees before it is killed", () => {
    const { startupProbe } = container(name);
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThanOrEqual(
      group(name).startupSeconds,
    );
    expect(startupProbe.periodSeconds * (startupProbe.failureThreshold - 1)).toBeLessThan(
      group(name).startupSeconds,
    );
  });

  test("is waited for longer than it may take to start, by Kubernetes and by Pulumi", () => {
    const { startupSeconds, replicas } = group(name);
    const progress = deployment(name).inputs.spec.progressDeadlineSeconds;
    expect(progress).toBeGreaterThan(startupSeconds + 600);
    const seconds = (text: string | undefined) => Number(text?.replace(/s$/, ""));
    const { timeouts } = deployment(name);
    expect(seconds(timeouts?.create)).toBeGreaterThan(startupSeconds + 600);
    expect(seconds(timeouts?.update)).toBeGreaterThanOrEqual(replicas * (startupSeconds + 600));
  });

  test("has its Service made after its replicas, since Pulumi would wait for endpoints of those that failed", () => {
    const service = only(resources, ":Service", `${name}-service`);
    expect(createdAfter(resources, service)).toContain(deployment(name).urn);
  });

  test("is probed where its profile says", () => {
    const probes = engineProfiles[group(name).engineType].probes({ loading: "preload" });
    expect(container(name).startupProbe.httpGet).toEqual({ path: probes.startup, port: "http" });
    expect(container(name).livenessProbe).toEqual({
      httpGet: { path: probes.liveness, port: "http" },
      timeoutSeconds: 5,
      periodSeconds: 10,
      failureThreshold: 6,
    });
    expect(container(name).readinessProbe).toEqual({
      httpGet: { path: probes.readiness, port: "http" },
      timeoutSeconds: 5,
      periodSeconds: 5,
      failureThreshold: 3,
    });
  });

  test("leaves the endpoints before it stops, and finishes its longest request", () => {
    const { drain } = engineProfiles[group(name).engineType];
    expect(container(name).lifecycle).toEqual({ preStop: { sleep: { seconds: drain.preStopSeconds } } });
    expect(pod(name).terminationGracePeriodSeconds).toBe(drain.preStopSeconds + drain.requestSeconds + 15);
  });

  test("waits as long as its predecessor may drain before a cluster autoscaler buys a node for it", () => {
    const grace = pod(name).terminationGracePeriodSeconds as number;
    expect(deployment(name).inputs.spec.template.metadata.annotations).toEqual({
      "cluster-autoscaler.kubernetes.io/pod-scale-up-delay": `${grace + 30}s`,
    });
  });

  test("rolls without a spare GPU", () => {
    expect(deployment(name).inputs.spec.strategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    });
  });

  test("is confined as Pod Security restricted demands, with a read-only root", () => {
    const { runAs } = engineProfiles[group(name).engineType];
    expect(pod(name).securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: runAs.userId,
      runAsGroup: runAs.groupId,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container(name).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod(name).automountServiceAccountToken).toBe(false);
    expect(pod(name).enableServiceLinks).toBe(false);
  });

  test("has scratch space and shared memory of the planned size", () => {
    expect(pod(name).volumes).toEqual(
      expect.arrayContaining([
        { name: "scratch", emptyDir: { sizeLimit: "20Gi" } },
        {
          name: "shared-memory",
          emptyDir: { medium: "Memory", sizeLimit: `${group(name).sharedMemoryMiB}Mi` },
        },
      ]),
    );
    expect(container(name).volumeMounts).toEqual(
      expect.arrayContaining([
        { name: "scratch", mountPath: "/tmp" },
        { name: "shared-memory", mountPath: "/dev/shm" },
      ]),
    );
  });

  test("is served by a ClusterIP Service of its name, on the port that the routing table names", () => {
    const service = only(resources, ":Service", `${name}-service`).inputs;
    expect(service.metadata).toMatchObject({ name, namespace: group(name).namespace });
    expect(service.spec.type).toBe("ClusterIP");
    const targets = recording.plan.routes.servers.flatMap(({ models }) =>
      models.flatMap(({ versions }) => versions.flatMap((version) => version.targets)),
    );
    const endpoint = new URL(targets.find((target) => target.group === name)?.endpoints[0] ?? "");
    expect(endpoint.hostname).toBe(`${name}.${group(name).namespace}.svc.cluster.local`);
    expect(service.spec.ports[0]).toEqual({ name: "http", port: Number(endpoint.port), targetPort: 8000 });
  });

  test("loses one ready replica at a time, and the only one rather than block a node's upgrade", () => {
    expect(only(resources, ":PodDisruptionBudget", `${name}-budget`).inputs.spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: deployment(name).inputs.spec.selector.matchLabels },
    });
  });

  test("has a service account of its own without a token for the API server", () => {
    const account = only(resources, ":ServiceAccount", `${name}-account`).inputs;
    expect(account.metadata).toMatchObject({ name, namespace: group(name).namespace });
    expect(account.automountServiceAccountToken).toBe(false);
    expect(pod(name).serviceAccountName).toBe(name);
  });

  test("is created after the namespace's rules, its own rules, its account and its nodes", () => {
    const before = createdAfter(resources, deployment(name));
    const required = resources.filter(
      (resource) =>
        (resource.type.endsWith(":NetworkPolicy") &&
          (resource.name.startsWith(`${name}-network`) ||
            resource.name.startsWith(`${group(name).namespace}-default-deny`))) ||
        (resource.type.endsWith(":NodeGroup") &&
          group(name).nodePools.some((pool) => resource.name === `${pool}-nodes`)) ||
        (resource.type.endsWith(":ServiceAccount") && resource.name === `${name}-account`) ||
        (resource.type.endsWith(":ResourceQuota") && resource.name.startsWith(group(name).namespace)),
    );
    expect(required.length).toBeGreaterThanOrEqual(7);
    for (const resource of required) expect(before).toContain(resource.urn);
  });
});

describe("Inferno's labels", () => {
  test("describe the pods, and on the Deployment also the load it was sized for", () => {
    const pods = {
      "inferno.server.managed": "true",
      "inferno.server.name": "fraud",
      "inferno.server.model": "BERT_Fraud",
      "inferno.server.class": "Premium.Free",
      "inferno.server.allocation.accelerator": group(triton).accelerator,
      "inferno.server.allocation.maxbatchsize": String(group(triton).maxBatchSize),
    };
    const inferno = (labels: Record<string, string>) =>
      Object.fromEntries(Object.entries(labels).filter(([key]) => key.startsWith("inferno.")));
    expect(inferno(deployment(triton).inputs.spec.template.metadata.labels)).toEqual(pods);
    expect(inferno(deployment(triton).inputs.metadata.labels)).toEqual({
      ...pods,
      "inferno.server.load.rpm": "660",
      "inferno.server.load.numtokens": "1",
    });
  });

  test("a new forecast changes no pod, so that it alone never reloads a model", async () => {
    const busier = await recordingOfSpec(clusterSpec(["rate: 60/min", "rate: 61/min"]));
    const changed = only(busier.resources, ":Deployment", "fraud-deployment").inputs;
    expect(changed.metadata.labels["inferno.server.load.rpm"]).toBe("661");
    expect(changed.spec.template).toEqual(deployment(triton).inputs.spec.template);
  });
});

describe("models from a dataset", () => {
  test.each([
    [triton, "/models", "repository", "fraud"],
    [vllm, "/models", "llm", "domino-inference-test"],
  ])("%s sees only its folder, read-only", (name, mountPath, subPath, namespace) => {
    const claim = resources.find(
      ({ type, inputs }) =>
        type.endsWith(":PersistentVolumeClaim") && inputs.metadata.namespace === namespace,
    )?.inputs.metadata.name;
    expect(pod(name).volumes).toContainEqual({
      name: "models",
      persistentVolumeClaim: { claimName: claim, readOnly: true },
    });
    expect(container(name).volumeMounts).toContainEqual({
      name: "models",
      mountPath,
      subPath,
      readOnly: true,
    });
  });

  test("give the service account no role", () => {
    expect(only(resources, ":ServiceAccount", "fraud-account").inputs.metadata).not.toHaveProperty(
      "annotations",
    );
  });
});

describe("models from S3", () => {
  test("come by the role of the service account; nothing is mounted", () => {
    expect(only(resources, ":ServiceAccount", `${streaming}-account`).inputs.metadata.annotations).toEqual({
      "eks.amazonaws.com/role-arn": "<arn:draft-models-role>",
      "eks.amazonaws.com/sts-regional-endpoints": "true",
    });
    expect(container(streaming).volumeMounts).toHaveLength(2);
  });

  test("the role reads the engine's prefix, for the service accounts of its groups only", () => {
    const trust = JSON.parse(only(resources, ":Role", "draft-models-role").inputs.assumeRolePolicy);
    expect(Object.values(trust.Statement[0].Condition.StringEquals)).toContainEqual([
      "system:serviceaccount:draft:draft-llama-3-70b-free",
      "system:serviceaccount:draft:draft-llama-3-70b-premium",
    ]);
    const policy = JSON.parse(only(resources, ":RolePolicy", "draft-models-policy").inputs.policy);
    expect(policy.Statement[2]).toEqual({
      Sid: "ReadObjects",
      Effect: "Allow",
      Action: ["s3:GetObject"],
      Resource: "arn:aws:s3:::bank-models/llm/*",
    });
  });
});

describe("ports", () => {
  test("Triton's container lists http, grpc and metrics; its Service all of them", () => {
    expect(container(triton).ports).toEqual([
      { name: "http", containerPort: 8000 },
      { name: "grpc", containerPort: 8001 },
      { name: "metrics", containerPort: 8002 },
    ]);
    expect(only(resources, ":Service", "fraud-service").inputs.spec.ports).toEqual([
      { name: "http", port: 8000, targetPort: 8000 },
      { name: "grpc", port: 8001, targetPort: 8001 },
      { name: "metrics", port: 8002, targetPort: 8002 },
    ]);
  });

  test("vLLM serves metrics on the port of its API, which is listed once", () => {
    expect(container(vllm).ports).toEqual([{ name: "http", containerPort: 8000 }]);
  });
});
