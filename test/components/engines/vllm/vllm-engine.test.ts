import { expect, test } from "vitest";
import { only } from "../../support/resources-of.ts";
import { recordingOfSpec } from "../../support/stack-recording.ts";
import { vllmSpec, type VllmSpecParts } from "./vllm-spec.ts";

const name = "chat-llama-3-70b-free";
const podOf = async (parts: VllmSpecParts) => {
  const { resources } = await recordingOfSpec(vllmSpec(parts));
  return only(resources, ":Deployment", `${name}-deployment`).inputs.spec.template.spec;
};

test("a replica on one node is a Deployment, with what the spec adds after the profile's arguments", async () => {
  const pod = await podOf({
    model: ['arguments: ["--seed=7"]', "environment: { NCCL_DEBUG: INFO, KEY: { secret: own, key: a } }"],
  });
  const [container] = pod.containers;
  expect(container.command.at(-1)).toBe("--seed=7");
  expect(container.env).toEqual(
    expect.arrayContaining([
      { name: "NCCL_DEBUG", value: "INFO" },
      { name: "KEY", valueFrom: { secretKeyRef: { name: "own", key: "a" } } },
    ]),
  );
});

test("a chat template is mounted from its ConfigMap, and nothing else of it", async () => {
  const pod = await podOf({ model: ["vllm: { chatTemplate: { configMap: templates, key: chat.jinja } }"] });
  expect(pod.volumes).toContainEqual({
    name: "chat-template",
    configMap: { name: "templates", items: [{ key: "chat.jinja", path: "chat.jinja" }] },
  });
  expect(pod.containers[0].volumeMounts).toContainEqual({
    name: "chat-template",
    mountPath: "/etc/vllm/chat-template",
    readOnly: true,
  });
  expect(pod.containers[0].command).toContain("--chat-template=/etc/vllm/chat-template/chat.jinja");
});

test("adapters are read from the volume that the model is on", async () => {
  const pod = await podOf({
    storage: "{ dataset: models, path: llm }",
    model: ["vllm: { loraAdapters: [{ name: sql, path: sql/v2 }] }"],
  });
  const [container] = pod.containers;
  expect(container.command).toEqual(expect.arrayContaining(["--enable-lora", "sql=/models/adapters/sql/v2"]));
  expect(container.volumeMounts).toContainEqual({
    name: "models",
    mountPath: "/models",
    subPath: "llm",
    readOnly: true,
  });
});

test("a model of the hub is loaded at its revision, with the token of a Secret and room for the download", async () => {
  const pod = await podOf({ storage: "{ huggingFace: Qwen, tokenSecret: { name: hub, key: token } }" });
  const [container] = pod.containers;
  expect(container.command).toEqual(expect.arrayContaining(["Qwen/llama-3-70b", "--revision=2"]));
  expect(container.env).toEqual(
    expect.arrayContaining([
      { name: "HF_HOME", value: "/tmp/hugging-face" },
      { name: "HF_TOKEN", valueFrom: { secretKeyRef: { name: "hub", key: "token" } } },
    ]),
  );
  const scratch = pod.volumes.find((volume: { name: string }) => volume.name === "scratch");
  // 141 GB of weights.
  expect(Number(scratch.emptyDir.sizeLimit.replace("Gi", ""))).toBeGreaterThan(131 + 20);
});

test("weights that are quantised need fewer GPUs", async () => {
  const gpus = async (model: readonly string[]) =>
    Number((await podOf({ model })).containers[0].resources.limits["nvidia.com/gpu"]);
  expect(await gpus([])).toBe(2);
  expect(await gpus(["vllm: { quantization: checkpoint-4-bit }"])).toBe(1);
});
