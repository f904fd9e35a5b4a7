import { describe, expect, test } from "vitest";
import { isPlannedKey, isPlannedValue } from "../../../platform/spec/planned.ts";

describe("a planned key", () => {
  test.each([[["gateway"]], [["benchmark"]], [["cluster", "create"]], [["domino", "registry"]]])(
    "is told from a misspelt one: %j",
    (path) => {
      expect(isPlannedKey(path)).toBe(true);
    },
  );

  test.each([[["engines", 0, "gateway"]], [["create"]], [["cluster", "gateway"]], [[]]])(
    "is one only at its place: %j",
    (path) => {
      expect(isPlannedKey(path)).toBe(false);
    },
  );
});

describe("a planned value", () => {
  test.each([[["nodes", "provisioner"], "karpenter"]])("is told from a wrong one: %j %s", (path, value) => {
    expect(isPlannedValue(path, value)).toBe(true);
  });

  test.each([
    [["nodes", "provisioner"], "spot"],
    [["nodes", "purchase", 1], "spot"],
    [["nodes", "purchase", 0], 5],
    [["engines", 0, "type"], "karpenter"],
  ])("is one only at its place: %j %j", (path, value) => {
    expect(isPlannedValue(path, value)).toBe(false);
  });
});
