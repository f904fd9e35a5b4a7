import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../../../platform/engines/registry.ts";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { runtimeProblems } from "../../../../platform/spec/rules/runtime.ts";

const reserved = { arguments: { "tensor-parallel-size": "follows from the plan" }, environment: {} };
const problemsOf = (engine: Raw, type: "vllm" | "triton" = "vllm") =>
  runtimeProblems({ catalog: "2026-11" }, engine, ["engine"], { ...engineProfiles[type], reserved });

describe("what a spec says of an engine's processes", () => {
  test("is nothing to object to where it says nothing", () => {
    expect(problemsOf({ models: [{}] })).toEqual([]);
  });

  test("is a way of deployment that the engine has", () => {
    expect(problemsOf({ deployment: "operator" }, "triton")).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: ["engine", "deployment"],
        message: "NVIDIA Triton Inference Server cannot be deployed as operator",
        allowed: engineProfiles.triton.patterns.join(", "),
      },
    ]);
    expect(problemsOf({ deployment: "standalone" }, "triton")).toEqual([]);
  });

  test("is not an option of another engine, which nobody would read", () => {
    const allowed = "the key vllm, or an engine of type triton";
    expect(problemsOf({ triton: {}, models: [{ triton: {} }] })).toMatchObject([
      { code: "SPEC_COMBINATION_UNSUPPORTED", path: ["engine", "triton"], allowed },
      { code: "SPEC_COMBINATION_UNSUPPORTED", path: ["engine", "models", 0, "triton"], allowed },
    ]);
  });

  test("is no argument that the plan decides, on the engine or on a model", () => {
    const refused = { arguments: ["--enforce-eager", "--tensor-parallel-size=2"] };
    expect(problemsOf({ ...refused, models: [refused] })).toMatchObject([
      { code: "SPEC_COMBINATION_UNSUPPORTED", path: ["engine", "arguments", 1] },
      { code: "SPEC_COMBINATION_UNSUPPORTED", path: ["engine", "models", 0, "arguments", 1] },
    ]);
  });

  test("is no secret in clear", () => {
    expect(problemsOf({ environment: { HF_TOKEN: "hf_abc", LOG: "debug" } })).toMatchObject([
      { code: "SPEC_COMBINATION_UNSUPPORTED", path: ["engine", "environment", "HF_TOKEN"], atKey: true },
    ]);
    expect(problemsOf({ environment: { WEBHOOK_TOKEN: { secret: "hooks", key: "token" } } })).toEqual([]);
  });

  test("is said of the engine where its models share replicas", () => {
    const model = { environment: { LOG: "debug" }, autoscaling: {}, gpusPerReplica: 2 };
    expect(problemsOf({ models: [model] }, "triton")).toMatchObject([
      { path: ["engine", "models", 0, "environment"], allowed: "environment of the engine" },
      { path: ["engine", "models", 0, "autoscaling"], allowed: "autoscaling of the engine" },
      { path: ["engine", "models", 0, "gpusPerReplica"], allowed: "no such key" },
    ]);
  });
});
