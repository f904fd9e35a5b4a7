import { spawnSync } from "node:child_process";
import { getActiveResourcesInfo } from "node:process";
import { describe, expect, it } from "vitest";

import type { AssignmentProblem } from "../../../optimizer/assignment/assignment-problem.ts";
import { solveAssignmentQuickly } from "../../../optimizer/assignment/quick.ts";
import { solveAssignment } from "../../../optimizer/assignment/solve.ts";
import { randomFleet } from "./random-problems.ts";
import { bestMerits, compareMerits, isWithinCapacity, merits } from "./small-problems.ts";

const scarce = randomFleet({ servers: 60, seed: 5, capacityPercent: 45 });

/** Two servers that want the same last unit. */
const tiny: AssignmentProblem = {
  capacityUnits: [1, 5],
  servers: ["a", "b"].map((id, index) => ({
    id,
    priority: 1,
    options: [
      { uses: [{ type: 0, units: 1 }], replicas: 1, value: 1 },
      { uses: [{ type: 1, units: 1 }], replicas: 1, value: 3 + index },
    ],
  })),
};

const threads = () => getActiveResourcesInfo().filter((resource) => resource === "MessagePort").length;

describe("solving an assignment", () => {
  it("proves the best one in a thread of its own, and leaves no thread", async () => {
    const before = threads();
    const { assignment, proof, elapsedMs } = await solveAssignment(tiny, { timeLimitMs: 60_000 });
    expect(merits(tiny, assignment)).toEqual(bestMerits(tiny));
    expect([...assignment]).toEqual([1, 0]);
    expect(proof).toEqual({ status: "optimal", gap: 0, isServedProven: true });
    expect(elapsedMs).toBeGreaterThan(0);
    expect(threads()).toBe(before);
  });

  it("gives the same answer each time it proves it", async () => {
    const first = await solveAssignment(scarce, { timeLimitMs: 60_000 });
    const second = await solveAssignment(scarce, { timeLimitMs: 60_000 });
    expect(first.proof.status).toBe("optimal");
    expect(second.assignment).toEqual(first.assignment);
  });

  it.each([0, 1])(
    "answers within the capacity and no worse than at once after %d ms",
    async (timeLimitMs) => {
      const { assignment, proof } = await solveAssignment(scarce, { timeLimitMs });
      expect(isWithinCapacity(scarce, assignment)).toBe(true);
      expect(proof.status).toBe("feasible");
      expect(proof.gap).toBeGreaterThan(0);
    },
  );

  it("tells each better assignment as it is found, the last one being the answer", async () => {
    const seen: Int32Array[] = [];
    const { assignment } = await solveAssignment(scarce, {
      timeLimitMs: 60_000,
      onIncumbent: (found) => seen.push(found),
    });
    expect(seen.length).toBeGreaterThan(1);
    for (const [index, found] of seen.entries()) {
      const before = seen[index - 1];
      expect(isWithinCapacity(scarce, found)).toBe(true);
      if (before) expect(compareMerits(merits(scarce, found), merits(scarce, before))).toBeGreaterThan(0);
    }
    expect(seen.at(-1)).toEqual(assignment);
    expect(
      compareMerits(merits(scarce, assignment), merits(scarce, solveAssignmentQuickly(scarce))),
    ).toBeGreaterThanOrEqual(0);
  });

  it("ends with the best so far when it is aborted, before or while it searches", async () => {
    const aborted = await solveAssignment(scarce, { timeLimitMs: 60_000, signal: AbortSignal.abort() });
    expect(aborted.proof.status).toBe("feasible");
    const controller = new AbortController();
    const fleet = randomFleet({ servers: 2_000, seed: 1, capacityPercent: 45, change: true });
    const running = solveAssignment(fleet, { timeLimitMs: 60_000, signal: controller.signal });
    controller.abort();
    const { assignment, proof } = await running;
    expect(isWithinCapacity(fleet, assignment)).toBe(true);
    expect(proof.status).toBe("feasible");
  });

  it("has nothing to solve where everybody gets the best option", async () => {
    const unlimited = { ...scarce, capacityUnits: scarce.capacityUnits.map(() => Number.POSITIVE_INFINITY) };
    const { proof } = await solveAssignment(unlimited, { timeLimitMs: 60_000 });
    expect(proof).toEqual({ status: "trivial", gap: 0, isServedProven: true });
  });

  it("has nothing to solve where a server has no option that could ever fit", async () => {
    const hopeless = {
      id: "c",
      priority: 1,
      options: [{ uses: [{ type: 0, units: 9 }], replicas: 1, value: -5 }],
    };
    const problem = { capacityUnits: [5, 5], servers: [...tiny.servers, hopeless] };
    const { assignment, proof } = await solveAssignment(problem, { timeLimitMs: 60_000 });
    expect([...assignment]).toEqual([0, 0, -1]);
    expect(proof.status).toBe("trivial");
  });

  it("rejects what no problem means", async () => {
    await expect(solveAssignment({ ...tiny, capacityUnits: [-1, 1] }, { timeLimitMs: 10 })).rejects.toThrow(
      RangeError,
    );
  });

  it("does not keep a process alive that has its answer", () => {
    const module = (file: string) => new URL(file, import.meta.url).href;
    const program = `
      import { solveAssignment } from "${module("../../../optimizer/assignment/solve.ts")}";
      const { proof } = await solveAssignment(${JSON.stringify(tiny)}, { timeLimitMs: 3_600_000 });
      process.stdout.write(proof.status);
    `;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(stderr).toBe("");
    expect(stdout).toBe("optimal");
    expect(status).toBe(0);
  });
});
