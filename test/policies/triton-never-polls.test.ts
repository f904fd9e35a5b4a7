import { expect, test } from "vitest";
import { tritonNeverPolls } from "../../policies/triton-never-polls.ts";
import { resource, unknown } from "./resource.ts";

const image = "nvcr.io/nvidia/tritonserver:25.08-py3";

function check(container: Record<string, unknown>): readonly string[] {
  return tritonNeverPolls.check(
    resource("kubernetes:apps/v1:Deployment", { spec: { template: { spec: { containers: [container] } } } }),
  );
}

test.each([
  [{ image, args: ["tritonserver", "--model-control-mode=explicit"] }],
  [{ image, args: ["tritonserver", "--model-control-mode", "explicit"] }],
  [
    {
      image: "mirror/triton:1",
      command: ["/opt/tritonserver/bin/tritonserver"],
      args: ["--model-control-mode=explicit"],
    },
  ],
  [{ image, command: ["sh", "-c", "exec tritonserver --model-control-mode=explicit --load-model=bert"] }],
])("accepts explicit mode in %j", (container) => {
  expect(check(container)).toEqual([]);
});

test.each([
  [["tritonserver", "--model-control-mode=poll"]],
  [["tritonserver", "--model-control-mode", "poll"]],
  [["tritonserver", "--model-control-mode=poll", "--model-control-mode=explicit"]],
  [["sh", "-c", "tritonserver '--model-control-mode=poll'"]],
])("refuses poll mode in %j", (args) => {
  expect(check({ image, args })).toEqual(["containers[0]: --model-control-mode=poll is set; use explicit"]);
});

test.each([
  [["tritonserver", "--model-control-mode=explicit", "--repository-poll-secs=30"]],
  [["tritonserver", "--model-control-mode=explicit", "--repository-poll-secs", "30"]],
])("refuses a polling interval in %j", (args) => {
  expect(check({ image, args })).toEqual([
    "containers[0]: --repository-poll-secs is set; remove it and use --model-control-mode=explicit",
  ]);
});

test.each([
  [{ image, args: ["tritonserver", "--model-repository=/models"] }],
  [{ image, args: ["tritonserver", "--model-control-mode=none"] }],
  [{ image, args: ["--model-repository=/models"] }],
  [{ image: "mirror/triton:1", command: ["/opt/tritonserver/bin/tritonserver"] }],
])("refuses a server that does not say explicit: %j", (container) => {
  expect(check(container)).toEqual(["containers[0]: a Triton server without --model-control-mode=explicit"]);
});

test("lets the image of Triton run another program", () => {
  expect(check({ image, command: ["cp", "-r", "/opt/tritonserver/backends", "/shared"] })).toEqual([]);
});

test("does not miss an argument that is not known yet, but sees a known fault beside it", () => {
  expect(check({ image, args: ["tritonserver", unknown] })).toEqual([]);
  expect(check({ image, args: unknown })).toEqual([]);
  expect(check({ image, args: ["tritonserver", unknown, "--model-control-mode=poll"] })).toHaveLength(1);
});

test("has nothing to say about other servers", () => {
  expect(check({ image: "vllm/vllm-openai:v0.11.0", args: ["--model=/models/llama"] })).toEqual([]);
});
