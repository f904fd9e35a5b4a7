import { expect, test } from "vitest";
import { imagesPinned } from "../../policies/images-pinned.ts";
import { resource, unknown } from "./resource.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

function check(image: unknown): readonly string[] {
  return imagesPinned.check(resource("kubernetes:core/v1:Pod", { spec: { containers: [{ image }] } }));
}

test.each([
  "nvcr.io/nvidia/tritonserver:25.08-py3",
  "registry.local:5000/vllm:0.11.0",
  `vllm/vllm-openai@${digest}`,
  `vllm/vllm-openai:latest@${digest}`,
])("accepts %s", (image) => {
  expect(check(image)).toEqual([]);
});

test.each([
  ["nginx", "has no tag"],
  ["registry.local:5000/vllm", "has no tag"],
  ["nginx:latest", 'has the moving tag "latest"'],
  ["nginx:Stable", 'has the moving tag "Stable"'],
  ["vllm@sha256:abc", "has a malformed digest"],
])("refuses %s because it %s", (image, fault) => {
  expect(check(image)).toEqual([`containers[0]: image "${image}" ${fault}; write an exact tag or a digest`]);
});

test("does not judge an image that is not known yet", () => {
  expect(check(unknown)).toEqual([]);
  expect(imagesPinned.check(resource("kubernetes:core/v1:Pod", { spec: unknown }))).toEqual([]);
});

const podSpec = {
  initContainers: [{ image: "init" }],
  containers: [{ image: "pinned:1.0" }, { image: "main" }],
  ephemeralContainers: [{ image: "debug" }],
  volumes: [{ name: "scratch" }, { image: { reference: "models" } }],
};

test.each([
  ["core/v1:Pod", { spec: podSpec }],
  ["core/v1:PodPatch", { spec: podSpec }],
  ["apps/v1:Deployment", { spec: { template: { spec: podSpec } } }],
  ["apps/v1:ReplicaSet", { spec: { template: { spec: podSpec } } }],
  ["apps/v1:StatefulSet", { spec: { template: { spec: podSpec } } }],
  ["apps/v1:DaemonSet", { spec: { template: { spec: podSpec } } }],
  ["batch/v1:Job", { spec: { template: { spec: podSpec } } }],
  ["batch/v1:CronJob", { spec: { jobTemplate: { spec: { template: { spec: podSpec } } } } }],
])("looks into every container and image volume of %s", (kind, props) => {
  const messages = imagesPinned.check(resource(`kubernetes:${kind}`, props));
  expect(messages.map((message) => message.split(":")[0])).toEqual([
    "initContainers[0]",
    "containers[1]",
    "ephemeralContainers[0]",
    "volumes[1]",
  ]);
});

test("has nothing to say about resources without pods", () => {
  expect(imagesPinned.check(resource("kubernetes:core/v1:ConfigMap", { data: { image: "nginx" } }))).toEqual(
    [],
  );
  expect(
    imagesPinned.check(resource("aws:s3/bucket:Bucket", { spec: { containers: [{ image: "x" }] } })),
  ).toEqual([]);
});

test.each([
  [
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
    {
      leaderWorkerTemplate: {
        leaderTemplate: { spec: { containers: [{ image: "vllm:1.0" }] } },
        workerTemplate: { spec: { containers: [{ image: "vllm:latest" }] } },
      },
    },
    "workerTemplate: containers[0]",
  ],
  [
    "kubernetes:nvidia.com/v1beta1:DynamoGraphDeployment",
    {
      components: [
        { podTemplate: { spec: { containers: [{ image: "frontend:1.3.1" }] } } },
        { podTemplate: { spec: { initContainers: [{ image: "copy" }] } } },
      ],
    },
    "components[1]: initContainers[0]",
  ],
])("judges the pods of a custom resource: %s", (type, spec, place) => {
  expect(imagesPinned.check(resource(type, { spec }))).toEqual([expect.stringContaining(place)]);
});
