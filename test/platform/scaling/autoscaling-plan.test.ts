import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { autoscalingPlan, cooldownSecondsOf } from "../../../platform/scaling/autoscaling-plan.ts";
import { autoscalingSchema } from "../../../platform/scaling/autoscaling-schema.ts";

const group = { replicas: 3, maxBatchSize: 64, maxRequestsPerMinutePerReplica: 42.5 };
const spec = (autoscaling: object) => autoscalingSchema.parse({ maxReplicas: 8, ...autoscaling });

describe("autoscaling", () => {
  test("is KEDA's by the queue, with one replica at least, unless the spec says otherwise", () => {
    expect(spec({})).toEqual({ scaler: "keda", signal: "queue", minReplicas: 1, maxReplicas: 8 });
  });

  test.each([
    ["queue", 16, "a quarter of a batch"],
    ["gpu-utilisation", 80, "four fifths of the time"],
    ["request-rate", 42.5, "what the plan says a replica carries"],
  ] as const)("by %s aims at %d: %s", (signal, target, _why) => {
    expect(autoscalingPlan(spec({ signal }), group).target).toBe(target);
  });

  test("takes the target of the spec", () => {
    expect(autoscalingPlan(spec({ target: 3 }), group).target).toBe(3);
  });

  test("by the queue lets at least one request wait, and never more than a batch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), (maxBatchSize) => {
        const { target } = autoscalingPlan(spec({}), { ...group, maxBatchSize });
        expect(target).toBeGreaterThanOrEqual(1);
        expect(target).toBeLessThanOrEqual(maxBatchSize);
        expect(Number.isInteger(target)).toBe(true);
      }),
    );
  });

  test.each([
    ["0s", "too short"],
    ["61min", "longer than Kubernetes remembers"],
    ["600", "without a unit"],
  ])("refuses a cooldown of %s: %s", (cooldown) => {
    expect(autoscalingSchema.safeParse({ maxReplicas: 2, cooldown }).success).toBe(false);
  });

  test("refuses keys it does not know, and bounds that nothing could reach", () => {
    for (const wrong of [{ minReplica: 1 }, { maxReplicas: 0 }, { target: 0 }, { minReplicas: 1.5 }]) {
      expect(autoscalingSchema.safeParse({ maxReplicas: 2, ...wrong }).success).toBe(false);
    }
  });
});

describe("the cooldown", () => {
  test("is the spec's where it has one", () => {
    const plan = autoscalingPlan(spec({ cooldown: "90s" }), group);
    expect(plan.cooldownSeconds).toBe(90);
    expect(cooldownSecondsOf(plan, 4000)).toBe(90);
  });

  test("is ten minutes, and longer where replicas take long to start", () => {
    expect(cooldownSecondsOf({}, 60)).toBe(600);
    expect(cooldownSecondsOf({}, 700)).toBe(1400);
  });

  test("is never longer than what Kubernetes takes", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (startupSeconds) => {
        const seconds = cooldownSecondsOf({}, startupSeconds);
        expect(seconds).toBeGreaterThanOrEqual(600);
        expect(seconds).toBeLessThanOrEqual(3600);
        expect(Number.isInteger(seconds)).toBe(true);
      }),
    );
  });
});
