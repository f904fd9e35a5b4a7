import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { clusterSpec } from "../components/support/cluster-spec.ts";
import { only, type RecordedResource } from "../components/support/resources-of.ts";
import {
  recordingOfSpec,
  recordingOfStack,
  type StackRecording,
} from "../components/support/stack-recording.ts";
import { stackOutputsSchema } from "../../stacks/stack-outputs.ts";
import * as pulumi from "@pulumi/pulumi";
import { present } from "../components/support/present.ts";

const kubernetesObjects = (resources: readonly RecordedResource[]) =>
  resources.filter(({ type }) => type.startsWith("kubernetes:"));
const ofType = (resources: readonly RecordedResource[], suffix: string) =>
  resources.filter(({ type }) => type.endsWith(suffix));

function amount(quantity: string): number {
  const match = /^(\d+)(m|Mi)?$/.exec(quantity);
  if (!match) throw new Error(`quantity "${quantity}" is not evaluated here`);
  return Number(match[1]);
}

interface Requests {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
}

function requestsOf(deployment: RecordedResource): Requests {
  const { requests } = deployment.inputs.spec.template.spec.containers[0].resources;
  return {
    cpu: amount(requests.cpu),
    memory: amount(requests.memory),
    gpus: amount(requests["nvidia.com/gpu"] ?? "0"),
  };
}

describe.each(["dev", "test", "prod", "another platform"])("the program of %s", (stack) => {
  let recording: StackRecording;
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    recording =
      stack === "another platform" ? await recordingOfSpec(clusterSpec()) : await recordingOfStack(stack);
    resources = recording.resources;
  });

  test("uses its own providers for everything, bound to the spec's account, region and cluster", () => {
    const cluster = present(recording.spec.cluster).existing;
    expect(only(resources, "providers:aws").inputs).toMatchObject({
      region: cluster.region,
      allowedAccountIds: JSON.stringify([cluster.accountId]),
    });
    expect(only(resources, "providers:kubernetes").inputs.clusterIdentifier).toBe(
      `arn:aws:eks:${cluster.region}:${cluster.accountId}:cluster/${cluster.name}`,
    );
    for (const resource of resources) {
      if (resource.type.startsWith("aws:")) expect(resource.provider).toContain("pulumi:providers:aws::aws");
      if (resource.type.startsWith("kubernetes:")) {
        expect(resource.provider).toContain("pulumi:providers:kubernetes::kubernetes");
      }
    }
  });

  test("tags everything in AWS with the platform and its stage", () => {
    expect(JSON.parse(only(resources, "providers:aws").inputs.defaultTags)).toEqual({
      tags: {
        "domino-inference/platform": recording.plan.platform,
        "domino-inference/stage": recording.plan.stage,
        "managed-by": "pulumi",
      },
    });
  });

  test("changes the routing table in place", () => {
    expect(only(resources, "providers:kubernetes").inputs.enableConfigMapMutable).toBe("true");
  });

  test("puts the recommended labels, with valid values, on every Kubernetes object and every pod", () => {
    const labelled = [
      ...kubernetesObjects(resources).map(({ inputs }) => inputs.metadata.labels),
      ...ofType(resources, ":Deployment").map(({ inputs }) => inputs.spec.template.metadata.labels),
    ];
    for (const labels of labelled) {
      expect(Object.keys(labels)).toEqual(
        expect.arrayContaining(
          ["name", "instance", "component", "part-of", "managed-by"].map((key) => `app.kubernetes.io/${key}`),
        ),
      );
      for (const value of Object.values(labels))
        expect(value).toMatch(/^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/);
    }
  });

  test("gives every Kubernetes object a name of its own", () => {
    const names = kubernetesObjects(resources).map(
      ({ type, inputs }) => `${type} ${inputs.metadata.namespace ?? ""}/${inputs.metadata.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("puts pods and what they need into namespaces that it creates", () => {
    const created = ofType(resources, ":Namespace").map(({ inputs }) => inputs.metadata.name);
    expect(created).toEqual(expect.arrayContaining(recording.plan.namespaces.map(({ name }) => name)));
    for (const { inputs } of ofType(resources, ":Deployment"))
      expect(created).toContain(inputs.metadata.namespace);
  });

  test("mounts only claims that exist in the pod's namespace and are bound to a volume", () => {
    const claims = ofType(resources, ":PersistentVolumeClaim").map(({ inputs }) => inputs);
    const volumes = ofType(resources, ":PersistentVolume").map(({ inputs }) => inputs);
    for (const { inputs } of ofType(resources, ":Deployment")) {
      for (const volume of inputs.spec.template.spec.volumes) {
        const name = volume.persistentVolumeClaim?.claimName;
        if (name === undefined) continue;
        const claim = claims.find(
          ({ metadata }) => metadata.name === name && metadata.namespace === inputs.metadata.namespace,
        );
        expect(
          volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName)?.spec.claimRef,
        ).toMatchObject({
          name,
          namespace: inputs.metadata.namespace,
        });
      }
    }
  });

  test("asks of each node no more than the plan's allocatable, for the replicas that were packed onto it", () => {
    for (const pool of recording.plan.nodePools) {
      for (const node of pool.nodes) {
        const total = { cpu: 0, memory: 0, gpus: 0 };
        for (const { group, count } of node.replicas) {
          const deployment = only(resources, ":Deployment", `${group}-deployment`);
          expect(deployment.inputs.spec.template.spec.nodeSelector).toEqual({
            "domino-inference/platform": recording.plan.platform,
            "domino-inference/accelerator": pool.accelerator,
          });
          const requests = requestsOf(deployment);
          total.cpu += count * requests.cpu;
          total.memory += count * requests.memory;
          total.gpus += count * requests.gpus;
        }
        expect(total.cpu).toBeLessThanOrEqual(pool.allocatable.cpuMillis);
        expect(total.memory).toBeLessThanOrEqual(pool.allocatable.memoryMiB);
        expect(total.gpus).toBeLessThanOrEqual(pool.allocatable.gpuCount);
      }
      expect(pool.nodes).toHaveLength(pool.desiredNodes);
    }
  });

  test("packs every replica of every Deployment with a GPU onto a node", () => {
    const packed = new Map<string, number>();
    for (const { group, count } of recording.plan.nodePools.flatMap(({ nodes }) =>
      nodes.flatMap(({ replicas }) => replicas),
    )) {
      packed.set(group, (packed.get(group) ?? 0) + count);
    }
    for (const deployment of ofType(resources, ":Deployment")) {
      if (requestsOf(deployment).gpus === 0) continue;
      expect(packed.get(deployment.inputs.metadata.name)).toBe(deployment.inputs.spec.replicas);
    }
  });

  test("creates the node groups of the plan, with its sizes", () => {
    expect(
      ofType(resources, ":NodeGroup").map(({ inputs }) => [inputs.instanceTypes[0], inputs.scalingConfig]),
    ).toEqual(
      recording.plan.nodePools.map((pool) => [
        pool.instanceType,
        { minSize: pool.minNodes, desiredSize: pool.desiredNodes, maxSize: pool.maxNodes },
      ]),
    );
  });

  test("finds a GPU for every replica of those that wait together, whichever node with room is preferred", () => {
    const priorities = new Map(
      ofType(resources, ":PriorityClass").map(({ inputs }) => [inputs.metadata.name, inputs.value as number]),
    );
    const pods = ofType(resources, ":Deployment")
      .filter((deployment) => requestsOf(deployment).gpus > 0)
      .flatMap((deployment) =>
        Array.from({ length: deployment.inputs.spec.replicas as number }, () => ({
          gpus: requestsOf(deployment).gpus,
          priority: priorities.get(deployment.inputs.spec.template.spec.priorityClassName) ?? 0,
          accelerator: deployment.inputs.spec.template.spec.nodeSelector[
            "domino-inference/accelerator"
          ] as string,
        })),
      )
      .toSorted((left, right) => right.priority - left.priority);
    const nodes = recording.plan.nodePools.flatMap((pool) =>
      pool.nodes.map(() => ({ accelerator: pool.accelerator, free: pool.allocatable.gpuCount })),
    );
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (choices) => {
        const left = nodes.map((node) => ({ ...node }));
        return pods.every((pod) => {
          const room = left.filter((node) => node.accelerator === pod.accelerator && node.free >= pod.gpus);
          const node = room[(choices.next().value ?? 0) % room.length];
          if (node) node.free -= pod.gpus;
          return node !== undefined;
        });
      }),
    );
  });

  test("keeps within the quota of every namespace, with one more pod a Deployment as a rollout needs", () => {
    for (const { inputs } of ofType(resources, ":ResourceQuota")) {
      const { namespace } = inputs.metadata;
      const total = { cpu: 0, memory: 0, gpus: 0, pods: 0 };
      for (const deployment of ofType(resources, ":Deployment")) {
        if (deployment.inputs.metadata.namespace !== namespace) continue;
        const requests = requestsOf(deployment);
        const pods = deployment.inputs.spec.replicas + 1;
        total.cpu += pods * requests.cpu;
        total.memory += pods * requests.memory;
        total.gpus += pods * requests.gpus;
        total.pods += pods;
      }
      const { hard } = inputs.spec;
      expect(total.cpu).toBeLessThanOrEqual(amount(hard["requests.cpu"]));
      expect(total.cpu).toBeLessThanOrEqual(amount(hard["limits.cpu"]));
      expect(total.memory).toBeLessThanOrEqual(amount(hard["requests.memory"]));
      expect(total.memory).toBeLessThanOrEqual(amount(hard["limits.memory"]));
      expect(total.gpus).toBeLessThanOrEqual(amount(hard["requests.nvidia.com/gpu"]));
      expect(total.pods).toBeLessThanOrEqual(amount(hard.pods));
    }
  });

  test("mounts the plan's routing table", () => {
    const { data } = only(resources, ":ConfigMap", "inference-proxy-routes").inputs;
    expect(JSON.parse(data["routes.json"])).toEqual(recording.plan.routes);
  });

  test("routes only to Services that it creates", () => {
    const services = ofType(resources, ":Service").map(
      ({ inputs }) =>
        `http://${inputs.metadata.name}.${inputs.metadata.namespace}.svc.cluster.local:${inputs.spec.ports[0].port}`,
    );
    const endpoints = recording.plan.routes.servers.flatMap(({ models }) =>
      models.flatMap(({ versions }) =>
        versions.flatMap(({ targets }) => targets.flatMap((target) => target.endpoints)),
      ),
    );
    expect(endpoints.length).toBeGreaterThan(0);
    for (const endpoint of endpoints) expect(services).toContain(endpoint);
  });

  test("exports outputs that keep their contract", async () => {
    const outputs = await new Promise((resolve) => pulumi.all(recording.result).apply(resolve));
    const parsed = stackOutputsSchema.parse(outputs);
    expect(parsed.namespaces).toEqual(recording.plan.namespaces.map(({ name }) => name));
    expect(parsed.usdPerHour).toBe(recording.plan.totals.usdPerHour);
    expect(parsed.groups.map(({ name }) => name)).toEqual(recording.plan.groups.map(({ name }) => name));
    expect(parsed.proxyUrl).toBe(
      `https://inference-proxy-service.${parsed.namespaces[0]}.svc.cluster.local:8443`,
    );
    expect(Object.keys(parsed.nodeGroups)).toEqual(recording.plan.nodePools.map(({ name }) => name));
  });
});

describe("settings and spec", () => {
  test("without settings the cluster of the spec is reached, as EKS grants it to the caller, by no other context", async () => {
    const { resources } = await recordingOfSpec(clusterSpec());
    const { inputs } = only(resources, "providers:kubernetes");
    expect(inputs).not.toHaveProperty("context");
    expect(JSON.parse(inputs.kubeconfig)).toEqual({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "bank",
      contexts: [{ name: "bank", context: { cluster: "bank", user: "bank" } }],
      clusters: [
        {
          name: "bank",
          cluster: {
            server: "<endpoint:bank>",
            "certificate-authority-data": "<certificate-authority:bank>",
          },
        },
      ],
      users: [
        {
          name: "bank",
          user: {
            exec: {
              apiVersion: "client.authentication.k8s.io/v1beta1",
              command: "aws",
              args: [
                "--region",
                "eu-central-1",
                "eks",
                "get-token",
                "--cluster-name",
                "bank",
                "--output",
                "json",
              ],
              interactiveMode: "Never",
            },
          },
        },
      ],
    });
  });

  test("a context is handed to the provider, a kubeconfig as a secret", async () => {
    const byContext = await recordingOfSpec(clusterSpec(), { kubeContext: "bank-admin" });
    expect(only(byContext.resources, "providers:kubernetes").inputs).toMatchObject({ context: "bank-admin" });
    expect(only(byContext.resources, "providers:kubernetes").inputs).not.toHaveProperty("kubeconfig");
    const byConfig = await recordingOfSpec(clusterSpec(), { kubeconfig: pulumi.secret("apiVersion: v1") });
    expect(only(byConfig.resources, "providers:kubernetes").inputs.kubeconfig).toBe("[secret]");
  });

  test("the Domino key becomes no input of any resource", async () => {
    const { resources } = await recordingOfSpec(clusterSpec(), { dominoApiKey: "k-e-y-0123456789" });
    expect(JSON.stringify(resources)).not.toContain("k-e-y-0123456789");
  });

  test("the node role is the spec's, or that of Domino's own node groups", async () => {
    const given = await recordingOfSpec(clusterSpec());
    expect(present(ofType(given.resources, ":NodeGroup")[0]).inputs.nodeRoleArn).toBe(
      "arn:aws:iam::210987654321:role/custom-nodes",
    );
    const standard = await recordingOfSpec(
      clusterSpec(["    nodeRoleArn: arn:aws:iam::210987654321:role/custom-nodes\n", ""]),
    );
    expect(present(ofType(standard.resources, ":NodeGroup")[0]).inputs.nodeRoleArn).toBe(
      "arn:aws:iam::210987654321:role/bank-eks-nodes",
    );
  });

  test("a platform without Domino users has no Mutation", async () => {
    const { resources } = await recordingOfSpec(
      clusterSpec(
        ["  users: [{ user: Jane.Doe, role: writer }]\n", ""],
        ["  roles:\n    - { name: writer, bucket: bank-blobs, prefix: mlflow, access: read-write }\n", ""],
      ),
    );
    expect(ofType(resources, ":Mutation")).toEqual([]);
    expect(ofType(resources, ":UserRole")).toEqual([]);
  });

  test("a dataset that two namespaces use gets a volume and an access point in each", async () => {
    const { resources } = await recordingOfSpec(clusterSpec());
    expect(ofType(resources, ":DatasetVolume").map(({ name }) => name)).toEqual([
      "domino-inference-test.Fraud_Models",
      "fraud.Fraud_Models",
    ]);
    expect(ofType(resources, ":AccessPoint")).toHaveLength(2);
  });

  test("a namespace and a dataset whose joined names are those of another pair share no volume with it", async () => {
    const { resources } = await recordingOfSpec(
      clusterSpec(
        [
          "name: Fraud_Models, owner: risk, project: fraud, resourceId: 5d0c1d3e-1111-4222-8333-444455556666 }",
          "name: b-c, owner: risk, project: fraud, resourceId: 5d0c1d3e-1111-4222-8333-444455556666 }\n" +
            "    - { name: c, owner: risk, project: fraud, resourceId: 0f7c3a52-2222-4333-9444-555566667777 }",
        ],
        ["namespace: fraud\n", "namespace: a\n"],
        ["dataset: Fraud_Models, path: repository", "dataset: b-c, path: repository"],
        ["- name: chat\n    type: vllm\n", "- name: chat\n    type: vllm\n    namespace: a-b\n"],
        ["dataset: Fraud_Models, path: llm", "dataset: c, path: llm"],
      ),
    );
    expect(ofType(resources, ":DatasetVolume").map(({ name }) => name)).toEqual(["a-b.c", "a.b-c"]);
    const claims = ofType(resources, ":PersistentVolumeClaim").map(({ inputs }) => inputs.metadata);
    const mounted = ofType(resources, ":Deployment").flatMap(({ inputs }) =>
      inputs.spec.template.spec.volumes.flatMap(
        (volume: { readonly persistentVolumeClaim?: { readonly claimName: string } }) =>
          volume.persistentVolumeClaim === undefined
            ? []
            : [{ namespace: inputs.metadata.namespace, name: volume.persistentVolumeClaim.claimName }],
      ),
    );
    expect(new Set(mounted.map(({ namespace }) => namespace))).toEqual(new Set(["a", "a-b"]));
    for (const { namespace, name } of mounted) {
      expect(claims).toContainEqual(expect.objectContaining({ namespace, name }));
    }
    expect(
      Object.fromEntries(
        ofType(resources, ":AccessPoint").map(({ inputs }) => [inputs.tags.Name, inputs.rootDirectory.path]),
      ),
    ).toEqual({
      "a.b-c": "/domino/filecache/5d0c1d3e-1111-4222-8333-444455556666",
      "a-b.c": "/domino/filecache/0f7c3a52-2222-4333-9444-555566667777",
    });
  });

  test("stacks of three stages meet nowhere: no name of dev, test and prod is the same in one cluster", async () => {
    const seen = new Map<string, string>();
    for (const stack of ["dev", "test", "prod"]) {
      const { resources } = await recordingOfStack(stack);
      const names = [
        ...kubernetesObjects(resources).map(
          ({ type, inputs }) => `${type} ${inputs.metadata.namespace ?? ""}/${inputs.metadata.name}`,
        ),
        ...ofType(resources, "aws:iam/role:Role").map(({ inputs }) => `role ${inputs.name}`),
        ...ofType(resources, ":NodeGroup").map(({ inputs }) => `node group ${inputs.nodeGroupNamePrefix}`),
      ];
      for (const name of names) {
        expect(seen.get(name), name).toBeUndefined();
        seen.set(name, stack);
      }
    }
  });
});
