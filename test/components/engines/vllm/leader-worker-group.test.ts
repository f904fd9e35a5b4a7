import { beforeAll, describe, expect, test } from "vitest";
import { createdAfter, only, type RecordedResource } from "../../support/resources-of.ts";
import { present } from "../../support/present.ts";
import { recordingOfSpec, type StackRecording } from "../../support/stack-recording.ts";
import { vllmSpec } from "./vllm-spec.ts";

const name = "chat-llama-3-70b-free";
const spanning = {
  platform: ["addons: { leaderWorkerSet: present }"],
  model: ["gpusPerReplica: 16", "nodesPerReplica: 2", 'arguments: ["--seed=7"]'],
};
let recording: StackRecording;
let resources: readonly RecordedResource[];
beforeAll(async () => {
  recording = await recordingOfSpec(vllmSpec(spanning));
  resources = recording.resources;
});

const set = () => only(resources, ":LeaderWorkerSet", name + "-leader-worker-set");
const template = (kind: "leader" | "worker") => set().inputs.spec.leaderWorkerTemplate[`${kind}Template`];
const container = (kind: "leader" | "worker") => template(kind).spec.containers[0];
const podLabels = {
  "app.kubernetes.io/name": "vllm",
  "app.kubernetes.io/instance": name,
  "app.kubernetes.io/component": "inference-engine",
};

describe("a group whose replicas span nodes", () => {
  test("is a LeaderWorkerSet of as many pods a replica as nodes, and no Deployment", () => {
    expect(set().inputs).toMatchObject({
      apiVersion: "leaderworkerset.x-k8s.io/v1",
      kind: "LeaderWorkerSet",
      metadata: { namespace: "chat" },
      spec: { replicas: 1, leaderWorkerTemplate: { size: 2 } },
    });
    expect(resources.some(({ type, name: own }) => type.endsWith(":Deployment") && own.includes(name))).toBe(
      false,
    );
  });

  test("leaves the group's name to its Service, as the set has a headless one of its own name", () => {
    expect(set().inputs.metadata.name).toBe(`${name}-nodes`);
    expect(only(resources, ":Service", `${name}-service`).inputs.metadata.name).toBe(name);
  });

  test("is waited for until all of it is there, for as long as a replica may take", () => {
    expect(set().inputs.metadata.annotations).toEqual({ "pulumi.com/waitFor": "condition=Available" });
    const { startupSeconds } = present(recording.plan.groups[0]);
    expect(Number(set().timeouts?.create.replace("s", ""))).toBeGreaterThan(startupSeconds + 600);
  });

  test("requests the GPUs of one node in each pod", () => {
    for (const kind of ["leader", "worker"] as const) {
      expect(container(kind).resources.limits["nvidia.com/gpu"]).toBe("8");
      expect(container(kind).resources.requests).toEqual(container(kind).resources.limits);
    }
  });

  test("runs the same engine on every node, with an API on the first only", () => {
    const differing = (kind: "leader" | "worker") =>
      container(kind).command.filter(
        (argument: string) => !container(other(kind)).command.includes(argument),
      );
    expect(differing("leader")).toEqual(["--host=0.0.0.0", "--port=8000", "--node-rank=0"]);
    expect(differing("worker")).toEqual(["--node-rank=$(LWS_WORKER_INDEX)", "--headless"]);
    expect(container("leader").command).toEqual(
      expect.arrayContaining(["--tensor-parallel-size=8", "--pipeline-parallel-size=2", "--seed=7"]),
    );
  });

  test("is probed and measured at its leaders; a worker answers nobody", () => {
    expect(container("leader").readinessProbe.httpGet.path).toBe("/health");
    expect(container("leader").ports).toEqual([{ name: "http", containerPort: 8000 }]);
    for (const key of ["startupProbe", "livenessProbe", "readinessProbe", "ports"]) {
      expect(container("worker")).not.toHaveProperty(key);
    }
  });

  test("keeps its workers for as long as its leader may drain", () => {
    const { terminationGracePeriodSeconds } = template("worker").spec;
    expect(container("leader").lifecycle.preStop.sleep.seconds).toBe(15);
    expect(container("worker").lifecycle.preStop.sleep.seconds).toBe(315);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(315);
  });

  test("starts when all of its pods are there", () => {
    const waiting = (kind: "leader" | "worker") => template(kind).spec.initContainers[0];
    expect(waiting("leader").command[2]).toContain("getaddrinfo");
    expect(waiting("worker").command[2]).toContain("create_connection");
    for (const kind of ["leader", "worker"] as const) {
      expect(waiting(kind).image).toBe(container(kind).image);
      expect(waiting(kind).resources.requests).toEqual(waiting(kind).resources.limits);
      expect(waiting(kind).resources.limits).not.toHaveProperty("nvidia.com/gpu");
      expect(waiting(kind).securityContext).toEqual(container(kind).securityContext);
      expect(template(kind).spec.initContainers).toHaveLength(1);
    }
  });

  test("names its processes by the pods' addresses", () => {
    for (const kind of ["leader", "worker"] as const) {
      expect(container(kind).env).toContainEqual({
        name: "VLLM_HOST_IP",
        valueFrom: { fieldRef: { fieldPath: "status.podIP" } },
      });
    }
  });

  test("wishes its pods into one zone, replica by replica", () => {
    const [, term] = [
      0,
      template("worker").spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution.at(-1),
    ];
    expect(term.podAffinityTerm).toEqual({
      topologyKey: "topology.kubernetes.io/zone",
      labelSelector: {},
      matchLabelKeys: ["leaderworkerset.sigs.k8s.io/group-key"],
    });
    expect(template("worker").spec.affinity.nodeAffinity).toBeDefined();
  });

  test("is reached at its leaders, after they are there", () => {
    const service = only(resources, ":Service", `${name}-service`);
    expect(service.inputs.spec).toEqual({
      type: "ClusterIP",
      selector: { ...podLabels, "leaderworkerset.sigs.k8s.io/worker-index": "0" },
      ports: [{ name: "http", port: 8000, targetPort: 8000 }],
    });
    expect(createdAfter(resources, service)).toContain(set().urn);
  });

  test("speaks between its own pods on any port, and with no others", () => {
    const policy = only(resources, ":NetworkPolicy", `${name}-between-nodes`);
    const peers = [{ podSelector: { matchLabels: podLabels } }];
    expect(policy.inputs.spec).toEqual({
      podSelector: { matchLabels: podLabels },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: peers }],
      egress: [{ to: peers }],
    });
    expect(createdAfter(resources, set())).toContain(policy.urn);
  });

  test("has the account, the policies and the budget of every engine", () => {
    const account = only(resources, ":ServiceAccount", `${name}-account`);
    expect(account.inputs).toMatchObject({
      metadata: { name, namespace: "chat" },
      automountServiceAccountToken: false,
    });
    expect(account.inputs.metadata.annotations).toHaveProperty(["eks.amazonaws.com/role-arn"]);
    expect(template("worker").spec.serviceAccountName).toBe(name);
    expect(only(resources, ":PodDisruptionBudget", `${name}-budget`).inputs.spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: podLabels },
    });
    const policies = resources.filter(
      ({ type, name: own }) => type.endsWith(":NetworkPolicy") && own.startsWith(`${name}-network`),
    );
    expect(policies.map(({ name: own }) => own.slice(`${name}-network-`.length))).toEqual([
      "from-monitoring",
      "from-proxy",
      "to-models",
    ]);
  });

  test("is confined as Pod Security restricted demands", () => {
    for (const kind of ["leader", "worker"] as const) {
      expect(template(kind).spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 2000 });
      expect(container(kind).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
  });
});

test("an autoscaler owns the replicas of the set where the spec wants one", async () => {
  const scaled = await recordingOfSpec(
    vllmSpec({
      platform: [
        "addons: { leaderWorkerSet: present, keda: present, prometheusOperator: present }",
        "observability: { prometheus: 'http://prometheus-operated.monitoring.svc:9090', podMonitors: {} }",
      ],
      model: [...spanning.model, "autoscaling: { maxReplicas: 3 }"],
    }),
  );
  expect(only(scaled.resources, ":LeaderWorkerSet").inputs.spec.replicas).toBe(
    scaled.plan.groups[0]?.replicas,
  );
  expect(only(scaled.resources, ":ScaledObject").inputs.spec.scaleTargetRef).toEqual({
    apiVersion: "leaderworkerset.x-k8s.io/v1",
    kind: "LeaderWorkerSet",
    name: `${name}-nodes`,
  });
  expect(only(scaled.resources, ":PodMonitor", `${name}-monitor-pod-monitor`).inputs.spec.selector).toEqual({
    matchLabels: podLabels,
  });
});

test("a long name of a group is cut, so that a set's pods and revisions have names", async () => {
  const long = await recordingOfSpec(
    vllmSpec({
      ...spanning,
      model: [...spanning.model, "base: llama-3-70b"],
      name: "llama-3-70b-instruct-of-the-risk-department",
    }),
  );
  const { metadata } = only(long.resources, ":LeaderWorkerSet").inputs;
  expect(metadata.name).toMatch(/^chat-llama-3-70b-instruct-of-th.*-[0-9a-f]{8}-nodes$/);
  expect(metadata.name.length).toBeLessThanOrEqual(46);
});

function other(kind: "leader" | "worker"): "leader" | "worker" {
  return kind === "leader" ? "worker" : "leader";
}
