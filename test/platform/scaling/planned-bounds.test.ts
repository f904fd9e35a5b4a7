import { expect, test } from "vitest";
import { plannedBoundProblems } from "../../../platform/scaling/planned-bounds.ts";

const autoscaling = { scaler: "keda", signal: "queue", target: 1, minReplicas: 1, maxReplicas: 4 } as const;

test("an autoscaler that may not go to what the load needs is a conflict, with both numbers", () => {
  expect(plannedBoundProblems([{ name: "chat", replicas: 6, autoscaling }])).toEqual([
    {
      code: "SPEC_VALUE_CONFLICT",
      message: "the load of group chat needs 6 replicas, and its autoscaling has maxReplicas=4",
      allowed: "maxReplicas of at least 6, or less load",
    },
  ]);
});

test("an autoscaler that may go there is none, nor is a group without one", () => {
  expect(
    plannedBoundProblems([
      { name: "chat", replicas: 4, autoscaling },
      { name: "tabular", replicas: 90 },
    ]),
  ).toEqual([]);
});
