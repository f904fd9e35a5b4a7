import fc from "fast-check";
import { expect, test } from "vitest";
import { scalingBehavior } from "../../../../components/engines/scaling/scaling-behavior.ts";

test("a group doubles at most once in the time that a replica takes to start", () => {
  expect(scalingBehavior({}, 240)).toMatchObject({
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Percent", value: 100, periodSeconds: 240 },
        { type: "Pods", value: 1, periodSeconds: 240 },
      ],
    },
  });
});

test("a group shrinks by a fifth at a time, once fewer have sufficed for the cooldown", () => {
  expect(scalingBehavior({ cooldownSeconds: 900 }, 240)).toMatchObject({
    scaleDown: {
      stabilizationWindowSeconds: 900,
      selectPolicy: "Max",
      policies: [
        { type: "Percent", value: 20, periodSeconds: 300 },
        { type: "Pods", value: 1, periodSeconds: 300 },
      ],
    },
  });
});

test("whatever a replica takes to start, Kubernetes takes the times", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (startupSeconds) => {
      const { scaleUp, scaleDown } = scalingBehavior({}, startupSeconds) as {
        scaleUp: { policies: { periodSeconds: number }[] };
        scaleDown: { stabilizationWindowSeconds: number };
      };
      for (const { periodSeconds } of scaleUp.policies) {
        expect(Number.isInteger(periodSeconds)).toBe(true);
        expect(periodSeconds).toBeGreaterThanOrEqual(1);
        expect(periodSeconds).toBeLessThanOrEqual(1800);
      }
      expect(scaleDown.stabilizationWindowSeconds).toBeLessThanOrEqual(3600);
    }),
  );
});
