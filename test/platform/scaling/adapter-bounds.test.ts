import { describe, expect, test } from "vitest";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { adapterProblems } from "../../../platform/scaling/adapter-bounds.ts";

const group = (autoscaling: object, ...otherNames: readonly string[]) =>
  ({ name: "chat", models: [{ name: "llama", otherNames }], autoscaling }) as unknown as ReplicaGroupPlan;

describe("a group that a HorizontalPodAutoscaler scales by its rate", () => {
  test("has names that are label values", () => {
    expect(adapterProblems([group({ scaler: "hpa", signal: "queue" }, "meta-llama/Llama-3-70B")])).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        message:
          'a HorizontalPodAutoscaler cannot ask for the rate of "meta-llama/Llama-3-70B" of group chat: it is no label value',
        allowed: "scaler: keda, or names of at most 63 letters, digits, dots, underscores and dashes",
      },
    ]);
    expect(adapterProblems([group({ scaler: "hpa", signal: "queue" }, "x".repeat(64))])).toHaveLength(1);
    expect(adapterProblems([group({ scaler: "hpa", signal: "queue" }, "sql.v2")])).toEqual([]);
  });

  test("may be called anything where KEDA asks, or by GPU utilisation", () => {
    expect(adapterProblems([group({ scaler: "keda", signal: "queue" }, "a/b")])).toEqual([]);
    expect(adapterProblems([group({ scaler: "hpa", signal: "gpu-utilisation" }, "a/b")])).toEqual([]);
  });
});
