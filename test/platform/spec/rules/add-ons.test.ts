import { describe, expect, test } from "vitest";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { addonProblems } from "../../../../platform/spec/rules/add-ons.ts";

const scaled = { autoscaling: { maxReplicas: 4 } };
const problemsOf = (spec: Raw) => addonProblems({ metadata: { stage: "dev" }, ...spec });
const engine = (rest: Raw) => [{ name: "chat", type: "vllm", ...rest }];

describe("an add-on", () => {
  test("that nothing needs is not asked for", () => {
    expect(problemsOf({ engines: engine({}) })).toEqual([]);
  });

  test("that is in use has to be said to be there or to be installed", () => {
    const problem = {
      code: "SPEC_KEY_MISSING",
      path: ["addons", "keda"],
      message: 'addons.keda is missing: autoscaling of engine "chat" needs KEDA',
      allowed: "install, or present where the cluster has it already",
    };
    const addons = { prometheusOperator: "present" };
    expect(problemsOf({ engines: engine(scaled), addons })).toEqual([problem]);
    expect(problemsOf({ engines: engine({ models: [scaled] }), addons })).toEqual([problem]);
    expect(problemsOf({ engines: engine(scaled), addons: { ...addons, keda: "present" } })).toEqual([]);
    // All at once: what autoscaling reads is measured by monitors.
    expect(problemsOf({ engines: engine(scaled) }).map(({ path }) => path.join("."))).toEqual([
      "addons.keda",
      "addons.prometheusOperator",
    ]);
  });

  test("is not KEDA for a HorizontalPodAutoscaler", () => {
    const addons = { prometheusOperator: "present" };
    expect(
      problemsOf({ engines: engine({ autoscaling: { maxReplicas: 4, scaler: "hpa" } }), addons }),
    ).toEqual([]);
  });

  test("is the Prometheus operator for monitors", () => {
    expect(problemsOf({ observability: { podMonitors: {} } })).toMatchObject([
      { path: ["addons", "prometheusOperator"] },
    ]);
  });

  test("that nothing uses is refused: it would be installed for nothing", () => {
    expect(problemsOf({ engines: engine({}), addons: { keda: "install" } })).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: ["addons", "keda"], message: "nothing in the spec uses KEDA" },
    ]);
  });

  test("is nobody's concern without a cluster", () => {
    expect(problemsOf({ metadata: { stage: "local" }, engines: engine(scaled) })).toEqual([]);
  });
});
