import { describe, expect, test } from "vitest";
import type { Rejection } from "../../../optimizer/workload.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { renderMiss, requirePlaced, unplaceableProblems } from "../../../platform/plan/unplaceable.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const miss: Rejection = {
  accelerator: "L4",
  gpusPerReplica: 2,
  subject: "chat/m/1/Free",
  constraint: "memory",
  allowed: 40.3261,
  reached: 131.4,
  unit: "GiB",
};
const placed = () => planPlatform(parsed(smallSpec));
const planMissing = (misses: readonly Rejection[]) => ({
  ...placed(),
  unplaced: [{ servers: ["chat/m/1/Free", "chat/m/1/Premium"], misses }],
});

describe("a near miss", () => {
  test.each([
    [miss, "2x L4: needs 131 GiB of GPU memory, has 40.3 GiB"],
    [
      { ...miss, constraint: "capacity", allowed: 1, reached: 4, unit: "GPU" },
      "2x L4: needs 4 GPU, the limit leaves 1 GPU",
    ],
    [
      { ...miss, constraint: "node", allowed: 99.96, reached: 100, unit: "mCPU" },
      "2x L4: no instance type holds a replica (needs 100 mCPU, the largest has 100 mCPU)",
    ],
    [{ ...miss, allowed: 1234.4, reached: 1234.6 }, "2x L4: needs 1235 GiB of GPU memory, has 1234 GiB"],
    [{ ...miss, constraint: "profile", subject: "mine" }, "2x L4: no performance profile for mine"],
    [
      { ...miss, constraint: "load", allowed: 12, reached: 60, unit: "requests/min" },
      "2x L4: the load of 60 requests/min is more than the 12 requests/min it carries (chat/m/1/Free)",
    ],
    [
      { ...miss, constraint: "ttftP95", allowed: 20, reached: 95.96, unit: "ms" },
      "2x L4: ttftP95 of chat/m/1/Free may be 20 ms, the best it reaches is 96 ms",
    ],
  ] as const)("is told as what was needed and what there is: %j", (rejection, told) => {
    expect(renderMiss(rejection)).toBe(told);
  });
});

describe("a plan that leaves servers out", () => {
  test("is one problem for those that belong together, with the three nearest misses", () => {
    const misses = ["L4", "A10G", "L40S", "T4"].map((accelerator) => ({ ...miss, accelerator }));
    expect(unplaceableProblems(planMissing(misses))).toEqual([
      {
        code: "PLAN_UNPLACEABLE",
        message:
          "chat/m/1/Free, chat/m/1/Premium cannot be placed. Nearest: " +
          "2x L4: needs 131 GiB of GPU memory, has 40.3 GiB; " +
          "2x A10G: needs 131 GiB of GPU memory, has 40.3 GiB; " +
          "2x L40S: needs 131 GiB of GPU memory, has 40.3 GiB",
      },
    ]);
  });

  test("says so where not one accelerator came near", () => {
    expect(unplaceableProblems(planMissing([]))).toMatchObject([
      {
        message:
          "chat/m/1/Free, chat/m/1/Premium cannot be placed. No allowed accelerator carries the model.",
      },
    ]);
  });

  test("is refused by whoever needs all servers, and a whole plan is not", () => {
    expect(() => requirePlaced(planMissing([]))).toThrow(/^PLAN_UNPLACEABLE /);
    expect(() => requirePlaced(placed())).not.toThrow();
  });
});
