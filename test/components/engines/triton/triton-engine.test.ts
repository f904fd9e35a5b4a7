import { beforeAll, describe, expect, test } from "vitest";
import { awsCliImage } from "../../../../components/engines/model-copy.ts";
import type { ModelSource } from "../../../../components/engines/model-source.ts";
import {
  stagingServiceAccount,
  type EngineArgs,
  type StagingTarget,
} from "../../../../components/engines/engine-args.ts";
import { TritonEngine } from "../../../../components/engines/triton/triton-engine.ts";
import { configPbtxt } from "../../../../platform/engines/triton/config-pbtxt.ts";
import { tritonModelOptionsSchema } from "../../../../platform/engines/triton/model-options.ts";
import { layoutCommand } from "../../../../platform/engines/triton/repository-layout.ts";
import { stagedVersions, stagingCommand } from "../../../../platform/engines/triton/staging.ts";
import { planPlatform } from "../../../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../../../platform/plan/platform-plan.ts";
import { clusterSpec } from "../../support/cluster-spec.ts";
import { present } from "../../support/present.ts";
import { createdAfter, only, resourcesOf, type RecordedResource } from "../../support/resources-of.ts";

type Change = readonly [found: string, replacement: string];

const volume: ModelSource = {
  kind: "volume",
  claimName: "dataset-fraud",
  path: "repository",
  fileSystem: { cidrs: ["10.1.0.0/19"], ports: [{ port: 2049 }] },
};
const target: StagingTarget = {
  claimName: "dataset-fraud-write",
  path: "repository",
  fileSystem: { cidrs: ["10.1.0.0/19"], ports: [{ port: 2049 }] },
  roleArn: "arn:aws:iam::210987654321:role/bank-staging",
  region: "eu-central-1",
};
const artifacts: Change = [
  "        base: bert-base\n",
  "        base: bert-base\n        triton: { artifacts: { 2: s3://bank-blobs/mlflow/7f/artifacts/model } }\n",
];

interface Deployed {
  readonly plan: PlatformPlan;
  readonly args: EngineArgs;
  readonly resources: readonly RecordedResource[];
}

async function deploy(changes: readonly Change[] = [], more: Partial<EngineArgs> = {}): Promise<Deployed> {
  const plan = planPlatform(clusterSpec(...changes));
  const args: EngineArgs = {
    platform: "bank",
    platformNamespace: "domino-inference-test",
    engine: present(plan.engines.find(({ name }) => name === "fraud")),
    groups: plan.groups.filter(({ engine }) => engine === "fraud"),
    servers: plan.servers,
    models: volume,
    proxy: { namespace: "domino-inference-test", labels: {} },
    monitoring: {},
    ...more,
  };
  return { plan, args, resources: await resourcesOf(() => new TritonEngine("fraud", args)) };
}

const podOf = (resources: readonly RecordedResource[]) =>
  only(resources, ":Deployment", "fraud-deployment").inputs.spec.template.spec;

describe("the repository of a replica group", () => {
  let deployed: Deployed;
  beforeAll(async () => {
    deployed = await deploy();
  });
  const group = () => present(deployed.args.groups[0]);
  const configs = () => only(deployed.resources, ":ConfigMap", "fraud-repository-configs").inputs;

  test("has a configuration for every model, from the spec and the plan, that nobody changes in place", () => {
    expect(configs()).toMatchObject({
      metadata: { namespace: "fraud", name: expect.stringMatching(/^fraud-configs-[0-9a-f]{8}$/) as string },
      immutable: true,
      data: {
        "BERT_Fraud.pbtxt": configPbtxt(present(group().models[0]), group().maxBatchSize),
      },
    });
    expect(configs().data["BERT_Fraud.pbtxt"]).toContain("versions: [1, 2]");
  });

  test("is laid out before the server starts, by its own image, from the storage and the configurations", () => {
    const { initContainers, containers, volumes } = podOf(deployed.resources);
    expect(initContainers).toEqual([
      {
        name: "lay-out-repository",
        image: containers[0].image,
        imagePullPolicy: "IfNotPresent",
        command: layoutCommand(group().models, {
          models: "/models",
          configs: "/etc/triton-models",
          repository: "/repository",
        }),
        resources: {
          requests: { cpu: "250m", memory: "128Mi" },
          limits: { cpu: "250m", memory: "128Mi" },
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
          { name: "models", mountPath: "/models", readOnly: true, subPath: "repository" },
          { name: "model-configs", mountPath: "/etc/triton-models", readOnly: true },
          { name: "repository", mountPath: "/repository" },
        ],
      },
    ]);
    expect(volumes).toEqual(
      expect.arrayContaining([
        { name: "repository", emptyDir: { sizeLimit: "64Mi" } },
        { name: "model-configs", configMap: { name: configs().metadata.name } },
      ]),
    );
  });

  test("asks for no more than the server, by which the pod was planned", () => {
    const { cpuMillis, memoryMiB } = group();
    expect(cpuMillis).toBeGreaterThanOrEqual(250);
    expect(memoryMiB).toBeGreaterThanOrEqual(128);
  });

  test("is read-only to the server, as are the models that it links to", () => {
    const [server] = podOf(deployed.resources).containers;
    expect(server.args).toContain("--model-repository=/repository");
    expect(server.volumeMounts).toEqual(
      expect.arrayContaining([
        { name: "repository", mountPath: "/repository", readOnly: true },
        { name: "models", mountPath: "/models", readOnly: true, subPath: "repository" },
      ]),
    );
  });

  test("changes with a configuration under another name, so that the pods are replaced", async () => {
    const changed = await deploy([
      [
        "        base: bert-base\n",
        "        base: bert-base\n        triton: { instances: [{ count: 2 }] }\n",
      ],
    ]);
    const { metadata, data } = only(changed.resources, ":ConfigMap", "configs").inputs;
    expect(metadata.name).not.toBe(configs().metadata.name);
    expect(data["BERT_Fraud.pbtxt"]).toContain("instance_group");
    expect(podOf(changed.resources).volumes).toContainEqual({
      name: "model-configs",
      configMap: { name: metadata.name },
    });
  });

  test("is refused where its configurations do not fit a ConfigMap", async () => {
    const [model] = group().models;
    const long = {
      ...present(model),
      options: tritonModelOptionsSchema.parse({ parameters: { NOTE: "x".repeat(1_000_001) } }),
    };
    await expect(deploy([], { groups: [{ ...group(), models: [long] }] })).rejects.toMatchObject({
      propertyPath: "group.models",
      reason: expect.stringContaining('group "fraud" have 1000') as string,
    });
  });

  test("belongs to the engine, and stages nothing where nothing is to be staged", () => {
    const engine = only(deployed.resources, "engines:TritonEngine");
    expect(only(deployed.resources, "engines:TritonRepository").parent).toBe(engine.urn);
    expect(deployed.resources.filter(({ type }) => type.endsWith(":Job"))).toEqual([]);
  });
});

describe("models in S3", () => {
  test("are copied before the repository is laid out over them", async () => {
    const { resources } = await deploy([], {
      models: {
        kind: "s3",
        roleArns: { fraud: "arn:aws:iam::210987654321:role/fraud" },
        bucket: "bank-models",
        prefix: "fraud",
        region: "eu-central-1",
        access: "copy",
      },
    });
    const { initContainers } = podOf(resources);
    expect(initContainers.map(({ name }: { name: string }) => name)).toEqual([
      "copy-models",
      "lay-out-repository",
    ]);
    expect(initContainers[1].volumeMounts[0]).toEqual({
      name: "models",
      mountPath: "/models",
      readOnly: true,
    });
  });
});

describe("artifacts", () => {
  let deployed: Deployed;
  let job: RecordedResource;
  beforeAll(async () => {
    deployed = await deploy([artifacts], { staging: target });
    job = only(deployed.resources, ":Job");
  });
  const stagingPod = () => job.inputs.spec.template.spec;

  test("are staged by one pod at a time, under a name that says what it does", () => {
    expect(job.inputs).toMatchObject({
      metadata: { name: expect.stringMatching(/^fraud\.staging-[0-9a-f]{8}$/) as string, namespace: "fraud" },
      spec: { completions: 1, parallelism: 1, backoffLimit: 3, podReplacementPolicy: "Failed" },
    });
    expect(stagingPod()).toMatchObject({ restartPolicy: "Never", serviceAccountName: "fraud.staging" });
  });

  test("are staged by the script, onto the folder that the servers read", () => {
    const [container] = stagingPod().containers;
    expect(container.image).toBe(awsCliImage);
    expect(container.command).toEqual(
      stagingCommand(stagedVersions(deployed.args.groups), { root: "/models", owner: "bank.fraud" }),
    );
    expect(container.command.slice(-3)).toEqual(["BERT_Fraud/2", "bank-blobs", "mlflow/7f/artifacts/model"]);
    expect(container.volumeMounts).toEqual([
      { name: "scratch", mountPath: "/tmp" },
      { name: "models", mountPath: "/models", subPath: "repository" },
    ]);
    expect(stagingPod().volumes).toContainEqual({
      name: "models",
      persistentVolumeClaim: { claimName: "dataset-fraud-write" },
    });
  });

  test("are staged with a role of their own, whose account nothing else uses", () => {
    const account = only(deployed.resources, ":ServiceAccount", "fraud-staging-account").inputs;
    expect(account.metadata).toMatchObject({
      name: stagingServiceAccount(deployed.args.engine),
      annotations: { "eks.amazonaws.com/role-arn": target.roleArn },
    });
    expect(account.automountServiceAccountToken).toBe(false);
    expect(podOf(deployed.resources).serviceAccountName).not.toBe("fraud.staging");
  });

  test("are staged by a pod that is confined, reaches S3 and the volume, and is reached by nobody", () => {
    expect(stagingPod().securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(stagingPod().containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const { spec } = only(deployed.resources, ":NetworkPolicy", "fraud-staging-network").inputs;
    expect(job.inputs.spec.template.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
    expect(spec).toMatchObject({
      policyTypes: ["Ingress", "Egress"],
      ingress: [],
      egress: [
        {
          to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
          ports: [{ protocol: "TCP", port: 443 }],
        },
        { to: [{ ipBlock: { cidr: "10.1.0.0/19" } }], ports: [{ protocol: "TCP", port: 2049 }] },
      ],
    });
  });

  test("are there before a server looks for them", () => {
    const deployment = only(deployed.resources, ":Deployment", "fraud-deployment");
    expect(createdAfter(deployed.resources, deployment)).toContain(job.urn);
  });

  test("are waited for by Pulumi as long as the job may take", () => {
    expect(job.timeouts?.create).toBe(`${job.inputs.spec.activeDeadlineSeconds}s`);
  });

  test("that change are the work of another job; a change of anything else is not", async () => {
    const other = await deploy([[artifacts[0], artifacts[1].replace("7f", "8a")]], { staging: target });
    expect(only(other.resources, ":Job").inputs.metadata.name).not.toBe(job.inputs.metadata.name);
    const same = await deploy([artifacts, ["rate: 600/min", "rate: 601/min"]], { staging: target });
    expect(only(same.resources, ":Job").inputs.metadata.name).toBe(job.inputs.metadata.name);
  });

  test("are refused without a volume to stage them onto", async () => {
    await expect(deploy([artifacts])).rejects.toMatchObject({
      propertyPath: "staging",
      reason: 'engine "fraud" has artifacts and no volume that they can be staged onto',
    });
  });
});
