import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AssignmentProblem } from "../../../optimizer/assignment/assignment-problem.ts";
import { bestEffort } from "../../../optimizer/assignment/best-effort.ts";
import type { PartialServing, SaturationPolicy } from "../../../optimizer/assignment/best-effort.ts";
import { solveAssignmentQuickly } from "../../../optimizer/assignment/quick.ts";
import { certain } from "../../../optimizer/certain.ts";
import { smallProblems, unitsTaken } from "./small-problems.ts";

const policies = ["None", "PriorityExhaustive", "PriorityRoundRobin", "RoundRobin"] as const;

/** Servers that need ten replicas of two units each, and 14 units: nobody is served in full. */
const scarce = (priorities: readonly number[], units = 14): AssignmentProblem => ({
  capacityUnits: [units],
  servers: priorities.map((priority, index) => ({
    id: `server-${index}`,
    priority,
    // The first ones lose most: they come first among equals.
    options: [{ uses: [{ type: 0, units: 20 }], replicas: 10, value: 100 - index }],
  })),
});

const replicasOf = (problem: AssignmentProblem, policy: SaturationPolicy, delayed = true) => {
  const partial = bestEffort(problem, solveAssignmentQuickly(problem), policy, delayed);
  return problem.servers.map((_, at) => partial.find(({ server }) => server === at)?.replicas ?? 0);
};

const unitsGranted = (problem: AssignmentProblem, partial: readonly PartialServing[]) => {
  const granted = problem.capacityUnits.map(() => 0);
  for (const { server, option, replicas } of partial) {
    const chosen = certain(certain(problem.servers[server]).options[option]);
    for (const { type, units } of chosen.uses) {
      granted[type] = certain(granted[type]) + (units / chosen.replicas) * replicas;
    }
  }
  return granted;
};

describe("best effort", () => {
  it.each([
    ["None", [0, 0, 0]],
    ["PriorityExhaustive", [7, 0, 0]],
    ["PriorityRoundRobin", [4, 3, 0]],
    ["RoundRobin", [3, 2, 2]],
  ] as const)("%s gives seven replicas to servers of priority 1, 1 and 2 as %j", (policy, replicas) => {
    expect(replicasOf(scarce([1, 1, 2]), policy)).toEqual(replicas);
  });

  it("ends one priority before the next where Inferno would not delay it", () => {
    expect(replicasOf(scarce([1, 1, 2]), "RoundRobin", false)).toEqual([4, 3, 0]);
  });

  it("gives the cheapest option that has room for a replica, and only that one", () => {
    const problem: AssignmentProblem = {
      capacityUnits: [1, 9],
      servers: [
        {
          id: "a",
          priority: 1,
          options: [
            { uses: [{ type: 1, units: 12 }], replicas: 4, value: 5 },
            { uses: [{ type: 0, units: 8 }], replicas: 4, value: 1 },
          ],
        },
      ],
    };
    expect(bestEffort(problem, Int32Array.of(-1), "RoundRobin")).toEqual([
      { server: 0, option: 0, replicas: 3 },
    ]);
  });

  it("leaves alone who is served in full", () => {
    const problem = scarce([1, 2], 30);
    expect([...solveAssignmentQuickly(problem)]).toEqual([0, -1]);
    expect(replicasOf(problem, "RoundRobin")).toEqual([0, 5]);
  });

  it("does not step through rounds one by one", () => {
    const problem: AssignmentProblem = {
      capacityUnits: [3e9],
      servers: ["a", "b"].map((id) => ({
        id,
        priority: 1,
        options: [{ uses: [{ type: 0, units: 4e9 }], replicas: 4e9, value: 1 }],
      })),
    };
    expect(bestEffort(problem, Int32Array.of(-1, -1), "RoundRobin").map(({ replicas }) => replicas)).toEqual([
      1.5e9, 1.5e9,
    ]);
  });

  it("never exceeds the capacity, and leaves no replica out that fits", () => {
    fc.assert(
      fc.property(smallProblems, fc.constantFrom(...policies), fc.boolean(), (problem, policy, delayed) => {
        const assignment = solveAssignmentQuickly(problem);
        const partial = bestEffort(problem, assignment, policy, delayed);
        const granted = unitsGranted(problem, partial);
        const room = unitsTaken(problem, assignment).map(
          (units, type) => certain(problem.capacityUnits[type]) - units - certain(granted[type]),
        );
        expect(room.every((units) => units >= -1e-9)).toBe(true);
        for (const { server, option, replicas } of partial) {
          expect(assignment[server]).toBe(-1);
          expect(replicas).toBeGreaterThanOrEqual(1);
          expect(replicas).toBeLessThan(certain(certain(problem.servers[server]).options[option]).replicas);
        }
        if (policy === "None") return;
        for (const [server, { options }] of problem.servers.entries()) {
          const mine = partial.find((one) => one.server === server);
          if (assignment[server] !== -1) continue;
          const open = mine ? [certain(options[mine.option])] : options;
          for (const { uses, replicas } of open) {
            const perReplica = problem.capacityUnits.map((_, type) =>
              uses.reduce((sum, use) => sum + (use.type === type ? use.units / replicas : 0), 0),
            );
            const fits = perReplica.every((units, type) => units <= certain(room[type]) - 1e-9);
            expect(fits).toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
