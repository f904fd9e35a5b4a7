import { describe, expect, test } from "vitest";
import { engineProfiles, type EngineType } from "../../platform/engines/registry.ts";
import { storageKind, type StorageKind } from "../../platform/plan/model-storage.ts";
import type { RecordedResource } from "../components/support/resources-of.ts";
import { recordingOfSpec } from "../components/support/stack-recording.ts";
import { engineSpec } from "../support/engine-spec.ts";

const fsx = {
  fileSystemId: "fs-0abc12345678",
  dnsName: "fs-0abc12345678.fsx.us-west-2.amazonaws.com",
  mountName: "abcd1234",
};
const forms: Readonly<Record<StorageKind, unknown>> = {
  dataset: { dataset: "triton-dev-ds", path: "models/pre-load" },
  pvc: "pvc://models/llm",
  fsx: { fsx, path: "llm" },
  "s3-stream": { s3: "s3://acme-models/llm", access: "stream" },
  "s3-copy": { s3: "s3://acme-models/llm", access: "copy" },
  "s3-mount": { s3: "s3://acme-models/llm", access: "mount" },
  "hugging-face": { huggingFace: "meta-llama", tokenSecret: { name: "hub", key: "token" } },
  image: "oci://registry.example/models:1.0",
};
const supported = (Object.keys(engineProfiles) as EngineType[]).flatMap((type) =>
  engineProfiles[type].storage.map((kind) => [type, kind] as const),
);

/** Everything of the pods that hold models, whatever makes them. */
function podsOf(resources: readonly RecordedResource[]): readonly Pod[] {
  return resources.flatMap(({ type, inputs }) => {
    if (type.endsWith(":Deployment") && inputs.metadata.name !== "inference-proxy") {
      return [inputs.spec.template.spec];
    }
    if (type.endsWith(":DynamoGraphDeployment")) {
      return (inputs.spec.components as { type: string; podTemplate: { spec: Pod } }[])
        .filter((component) => component.type !== "frontend")
        .map(({ podTemplate }) => podTemplate.spec);
    }
    return [];
  });
}

interface Pod {
  readonly volumes?: readonly Record<string, unknown>[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
}
interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly valueFrom?: unknown }[];
}

describe.each(supported)("%s reads its models from %s", (type, kind) => {
  test("and its pods have what that takes", async () => {
    const { resources, plan } = await recordingOfSpec(engineSpec(type, { storage: forms[kind] }));
    const [engine] = plan.engines;
    expect(engine && storageKind(engine.storage)).toBe(kind);
    const pods = podsOf(resources);
    expect(pods).not.toEqual([]);
    for (const pod of pods) {
      const text = JSON.stringify(pod);
      const claims = (pod.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
        persistentVolumeClaim ? [(persistentVolumeClaim as { claimName: string }).claimName] : [],
      );
      const claim = resources.find(({ type: token }) => token.endsWith(":PersistentVolumeClaim"))?.inputs;
      const volume = resources.find(({ type: token }) => token.endsWith(":PersistentVolume"))?.inputs;
      switch (kind) {
        case "dataset":
        case "fsx":
        case "s3-mount":
          expect(claims).toEqual([claim?.metadata.name]);
          expect(claim?.spec.accessModes).toEqual(["ReadOnlyMany"]);
          expect(volume?.spec).toMatchObject({
            csi: { driver: drivers[kind], readOnly: true },
            persistentVolumeReclaimPolicy: "Retain",
            claimRef: { name: claim?.metadata.name, namespace: claim?.metadata.namespace },
          });
          break;
        case "pvc":
          expect(claims).toEqual(["models"]);
          expect(text).toContain('"subPath":"llm"');
          break;
        case "s3-copy":
          expect(text).toContain("aws s3 cp --recursive");
          expect(text).toContain("s3://acme-models/llm");
          expect(claims).toEqual([]);
          break;
        case "s3-stream":
          expect(text).toContain("s3://acme-models/llm/");
          expect(text).toContain("runai_streamer");
          expect(claims).toEqual([]);
          break;
        case "hugging-face":
          expect(text).toContain("meta-llama/");
          expect(text).toMatch(/"secretKeyRef":\{("name":"hub"|"key":"token"|,)+\}/);
          break;
        case "image":
          expect(pod.volumes).toContainEqual(
            expect.objectContaining({
              image: expect.objectContaining({ reference: "registry.example/models:1.0" }),
            }),
          );
          break;
      }
    }
    const needsRole = kind.startsWith("s3-");
    const accounts = resources.filter(
      ({ type: token, inputs }) =>
        token.endsWith(":ServiceAccount") &&
        inputs.metadata.namespace === "domino-inference-dev" &&
        inputs.metadata.annotations?.["eks.amazonaws.com/role-arn"] !== undefined,
    );
    expect(accounts.length > 0).toBe(needsRole);
  });
});

const drivers = {
  dataset: "efs.csi.aws.com",
  fsx: "fsx.csi.aws.com",
  "s3-mount": "s3.csi.aws.com",
} as const;

test("a bucket is mounted with the pod's own role, for the engine's user, below its prefix only", async () => {
  const { resources } = await recordingOfSpec(engineSpec("vllm", { storage: forms["s3-mount"] }));
  const volume = resources.find(({ type }) => type.endsWith(":PersistentVolume"))?.inputs;
  expect(volume?.spec.csi.volumeAttributes).toEqual({
    bucketName: "acme-models",
    authenticationSource: "pod",
    stsRegion: "us-west-2",
  });
  const { userId, groupId } = engineProfiles.vllm.runAs;
  expect(volume?.spec.mountOptions).toEqual([
    "read-only",
    "region us-west-2",
    "prefix llm/",
    "allow-other",
    `uid=${userId}`,
    `gid=${groupId}`,
  ]);
});

test("an FSx file system is reached by Lustre's ports in the cluster's subnets", async () => {
  const { resources } = await recordingOfSpec(engineSpec("vllm", { storage: forms.fsx }));
  const policy = resources.find(
    ({ type, name }) => type.endsWith(":NetworkPolicy") && name.endsWith("-to-models"),
  )?.inputs;
  expect(policy?.spec.egress[0].ports).toEqual([
    { protocol: "TCP", port: 988 },
    { protocol: "TCP", port: 1018, endPort: 1023 },
  ]);
});

test("many groups that read S3 share several roles, none of whose trust IAM would refuse as too long", async () => {
  const [model] = engineSpec("vllm").engines[0]?.models ?? [];
  const spec = engineSpec("vllm", { storage: forms["s3-stream"] });
  const engines = spec.engines.map((engine) => ({
    ...engine,
    models: Array.from({ length: 40 }, (_, index) => ({
      ...model,
      name: `model-${index}`,
      base: "llama-3-8b",
    })),
  })) as typeof spec.engines;
  const { resources, plan } = await recordingOfSpec({ ...spec, budget: undefined, engines } as typeof spec);
  const roles = resources.filter(({ type }) => type === "aws:iam/role:Role");
  const trusts = roles
    .map(({ inputs }) => String(inputs.assumeRolePolicy))
    .filter((trust) => trust.includes("served-model"));
  expect(trusts.length).toBeGreaterThan(1);
  for (const trust of trusts) expect(trust.length).toBeLessThanOrEqual(2048);
  for (const { name } of plan.groups) {
    expect(trusts.filter((trust) => trust.includes(`:${name}"`))).toHaveLength(1);
  }
});
