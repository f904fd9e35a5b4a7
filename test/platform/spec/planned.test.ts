import { describe, expect, test } from "vitest";
import { isPlannedKey, isPlannedValue } from "../../../platform/spec/planned.ts";

describe("a planned key", () => {
  test.each([
    [["gateway"]],
    [["benchmark"]],
    [["observability"]],
    [["cluster", "create"]],
    [["domino", "registry"]],
    [["engines", 3, "models", 0, "dynamo"]],
    [["engines", 0, "autoscaling"]],
    [["engines", 7, "deployment"]],
  ])("is told from a misspelt one: %j", (path) => {
    expect(isPlannedKey(path)).toBe(true);
  });

  test.each([[["engines", 0, "gateway"]], [["create"]], [["engines", "x", "autoscaling"]], [[]]])(
    "is one only at its place: %j",
    (path) => {
      expect(isPlannedKey(path)).toBe(false);
    },
  );
});

describe("a planned value", () => {
  test.each([
    [["nodes", "provisioner"], "karpenter"],
    [["engines", 0, "storage"], "fsx://models"],
    [["engines", 0, "storage"], "hf://meta-llama/llama"],
    [["engines", 0, "storage"], "pvc://claim"],
  ])("is told from a wrong one: %j %s", (path, value) => {
    expect(isPlannedValue(path, value)).toBe(true);
  });

  test.each([
    [["nodes", "provisioner"], "spot"],
    [["nodes", "purchase", 1], "spot"],
    [["nodes", "purchase", 0], 5],
    [["engines", 0, "storage"], "https://hf://x"],
    [["engines", 0, "storage"], { dataset: "hf://" }],
    [["engines", 0, "type"], "hf://x"],
    [["engines", 0, "storage", "path"], "hf://x"],
  ])("is one only at its place: %j %j", (path, value) => {
    expect(isPlannedValue(path, value)).toBe(false);
  });
});
