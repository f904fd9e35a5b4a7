import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AssignmentProblem } from "../../../optimizer/assignment/assignment-problem.ts";
import { compileProblem, toAssignment } from "../../../optimizer/assignment/compiled-problem.ts";
import { solveAssignmentQuickly } from "../../../optimizer/assignment/quick.ts";
import { regretGreedy } from "../../../optimizer/assignment/regret-greedy.ts";
import { certain } from "../../../optimizer/certain.ts";
import { caseNames, casesExist, readAssignmentCase, servedOfLevels, valueOf } from "./case-problems.ts";
import { randomFleet } from "./random-problems.ts";
import { bestMerits, compareMerits, isWithinCapacity, merits, smallProblems } from "./small-problems.ts";
import { solveHere } from "./solve-here.ts";

const runs = { numRuns: 300 };

const fleetsOf = (mostServers: number) =>
  fc
    .record({
      servers: fc.integer({ min: 5, max: mostServers }),
      seed: fc.nat(1_000_000),
      capacityPercent: fc.constantFrom(30, 45, 70, 90, 100),
      change: fc.boolean(),
    })
    .map(randomFleet);
const fleets = fleetsOf(120);
/** Solved exactly within some hundredths of a second. */
const smallFleets = fleetsOf(25);

const peerGreedy = (problem: AssignmentProblem) => {
  const compiled = compileProblem(problem);
  return toAssignment(compiled, regretGreedy(compiled));
};

describe("the exact assignment", () => {
  it("is as good as the best of all assignments, and says so", () => {
    fc.assert(
      fc.property(smallProblems, (problem) => {
        const { assignment, isProven } = solveHere(problem);
        expect(isWithinCapacity(problem, assignment)).toBe(true);
        expect(merits(problem, assignment)).toEqual(bestMerits(problem));
        expect(isProven).toBe(true);
      }),
      runs,
    );
  });

  it("is the same in any unit of money and of capacity", () => {
    // Powers of two: scaling by them is exact, so that what just fits still does.
    const factors = fc.constantFrom(2 ** -40, 2 ** -20, 1, 2 ** 30, 2 ** 100);
    fc.assert(
      fc.property(smallProblems, factors, factors, (problem, valueFactor, unitFactor) => {
        const scaled: AssignmentProblem = {
          capacityUnits: problem.capacityUnits.map((units) => units * unitFactor),
          servers: problem.servers.map((server) => ({
            ...server,
            options: server.options.map(({ uses, replicas, value }) => ({
              uses: uses.map(({ type, units }) => ({ type, units: units * unitFactor })),
              replicas,
              value: value * valueFactor,
            })),
          })),
        };
        expect(merits(problem, solveHere(scaled).assignment)).toEqual(bestMerits(problem));
      }),
      runs,
    );
  });

  it("does not depend on the order of servers and options", () => {
    fc.assert(
      fc.property(fc.oneof(smallProblems, smallFleets), fc.infiniteStream(fc.nat()), (problem, keys) => {
        const shuffled = shuffledProblem(problem, keys);
        expect(byId(shuffled, solveHere(shuffled).assignment)).toEqual(
          byId(problem, solveHere(problem).assignment),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("does not get worse by more capacity or one more option", () => {
    fc.assert(
      fc.property(smallProblems, fc.nat(2), fc.nat(5), (problem, type, server) => {
        const before = merits(problem, solveHere(problem).assignment);
        const roomier = {
          ...problem,
          capacityUnits: problem.capacityUnits.map((units, at) => (at === type ? units + 4 : units)),
        };
        const freer = {
          ...problem,
          servers: problem.servers.map((one, at) =>
            at === server
              ? {
                  ...one,
                  options: [...one.options, { uses: [{ type: 0, units: 2 }], replicas: 1, value: 1 }],
                }
              : one,
          ),
        };
        for (const wider of [roomier, freer]) {
          expect(compareMerits(merits(wider, solveHere(wider).assignment), before)).toBeGreaterThanOrEqual(0);
        }
      }),
      runs,
    );
  });

  it("leaves out one giant for two small servers of the same priority, and never for less important ones", () => {
    const servers = (priority: number): AssignmentProblem => ({
      capacityUnits: [10],
      servers: [
        { id: "giant", priority: 1, options: [{ uses: [{ type: 0, units: 10 }], replicas: 5, value: 1 }] },
        { id: "a", priority, options: [{ uses: [{ type: 0, units: 5 }], replicas: 1, value: 50 }] },
        { id: "b", priority, options: [{ uses: [{ type: 0, units: 5 }], replicas: 1, value: 50 }] },
      ],
    });
    expect([...solveHere(servers(1)).assignment]).toEqual([-1, 0, 0]);
    expect([...solveHere(servers(2)).assignment]).toEqual([0, -1, -1]);
  });

  it.runIf(casesExist)("reaches the known optimum of every development case", () => {
    for (const name of caseNames()) {
      const { problem, levels, optimum } = readAssignmentCase(name);
      const { assignment, isProven } = solveHere(problem);
      expect(isProven, name).toBe(true);
      expect(isWithinCapacity(problem, assignment), name).toBe(true);
      if (!optimum) continue;
      expect(servedOfLevels(problem, assignment, levels), name).toEqual(optimum.servedByLevel);
      // The file has seven digits.
      expect(Math.abs(valueOf(problem, assignment) - optimum.value), name).toBeLessThanOrEqual(
        1e-6 * Math.abs(optimum.value),
      );
    }
  });
});

describe("the quick assignment", () => {
  it("stays within the capacity and is never below Inferno's greedy one", () => {
    fc.assert(
      fc.property(fc.oneof(smallProblems, fleets), (problem) => {
        const assignment = solveAssignmentQuickly(problem);
        expect(isWithinCapacity(problem, assignment)).toBe(true);
        expect(
          compareMerits(merits(problem, assignment), merits(problem, peerGreedy(problem))),
        ).toBeGreaterThanOrEqual(0);
      }),
      runs,
    );
  });

  it("does not depend on the order of servers and options", () => {
    fc.assert(
      fc.property(fleets, fc.infiniteStream(fc.nat()), (problem, keys) => {
        const shuffled = shuffledProblem(problem, keys);
        expect(byId(shuffled, solveAssignmentQuickly(shuffled))).toEqual(
          byId(problem, solveAssignmentQuickly(problem)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("serves everybody with the best option where there is enough", () => {
    const problem = randomFleet({ servers: 200, seed: 3, capacityPercent: 100 });
    const assignment = solveAssignmentQuickly(problem);
    for (const [server, { options }] of problem.servers.entries()) {
      const least = Math.min(...options.map(({ value }) => value));
      expect(options[certain(assignment[server])]?.value).toBe(least);
    }
  });

  it.runIf(casesExist)("serves no fewer than Inferno in any development case", () => {
    for (const name of caseNames()) {
      const { problem, levels, peerServedByLevel } = readAssignmentCase(name);
      if (!peerServedByLevel) continue;
      const served = servedOfLevels(problem, solveAssignmentQuickly(problem), levels);
      expect(compareMerits(served, peerServedByLevel), name).toBeGreaterThanOrEqual(0);
    }
  });
});

describe("reading a problem", () => {
  const one = (changes: Partial<AssignmentProblem["servers"][number]["options"][number]>) => ({
    capacityUnits: [10],
    servers: [
      {
        id: "a",
        priority: 1,
        options: [{ uses: [{ type: 0, units: 1 }], replicas: 1, value: 1, ...changes }],
      },
    ],
  });

  it.each([
    [one({ value: Number.NaN }), "value"],
    [one({ value: Number.POSITIVE_INFINITY }), "value"],
    [one({ uses: [{ type: 0, units: -1 }] }), "units"],
    [one({ uses: [{ type: 0, units: Number.NaN }] }), "units"],
    [one({ uses: [{ type: 1, units: 1 }] }), "type"],
    [{ capacityUnits: [-1], servers: [] }, "capacity"],
    [{ capacityUnits: [Number.NaN], servers: [] }, "capacity"],
  ])("refuses what no problem means: %j", (problem, word) => {
    expect(() => solveAssignmentQuickly(problem)).toThrow(RangeError);
    expect(() => solveAssignmentQuickly(problem)).toThrow(word);
  });

  it("counts several uses of one type together", () => {
    const twice = one({
      uses: [
        { type: 0, units: 6 },
        { type: 0, units: 6 },
      ],
    });
    expect([...solveAssignmentQuickly(twice)]).toEqual([-1]);
  });

  it("answers a problem without servers", () => {
    expect([...solveAssignmentQuickly({ capacityUnits: [], servers: [] })]).toEqual([]);
  });
});

function byId(problem: AssignmentProblem, assignment: Int32Array) {
  return Object.fromEntries(
    problem.servers
      .map(({ id, options }, at) => [id, options[certain(assignment[at])] ?? null] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function shuffledProblem(problem: AssignmentProblem, keys: Iterable<number>): AssignmentProblem {
  const stream = keys[Symbol.iterator]();
  const shuffled = <T>(all: readonly T[]) =>
    all
      .map((item) => ({ item, key: certain(stream.next().value as number | undefined) }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ item }) => item);
  return {
    ...problem,
    servers: shuffled(problem.servers.map((server) => ({ ...server, options: shuffled(server.options) }))),
  };
}
