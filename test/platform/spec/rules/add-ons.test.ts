import { describe, expect, test } from "vitest";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { addonProblems } from "../../../../platform/spec/rules/add-ons.ts";

const scaled = { autoscaling: { maxReplicas: 4 } };
const problemsOf = (spec: Raw) => addonProblems({ metadata: { stage: "dev" }, ...spec });
const engine = (rest: Raw) => [{ name: "chat", type: "vllm", ...rest }];

describe("an add-on", () => {
  test("that is in use may be stated or not", () => {
    expect(problemsOf({ engines: engine(scaled) })).toEqual([]);
    expect(problemsOf({ engines: engine(scaled), addons: { keda: "present" } })).toEqual([]);
  });

  test("that nothing uses is refused: it would be installed for nothing", () => {
    expect(problemsOf({ engines: engine({}), addons: { keda: "install" } })).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: ["addons", "keda"], message: "nothing in the spec uses KEDA" },
    ]);
  });

  test("is nobody's concern without a cluster", () => {
    expect(problemsOf({ metadata: { stage: "local" }, addons: { keda: "install" } })).toEqual([]);
  });
});
