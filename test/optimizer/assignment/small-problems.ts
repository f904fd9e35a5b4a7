import fc from "fast-check";

import { unserved } from "../../../optimizer/assignment/assignment-problem.ts";
import type {
  Assignment,
  AssignmentOption,
  AssignmentProblem,
  AssignmentServer,
} from "../../../optimizer/assignment/assignment-problem.ts";
import { certain } from "../../../optimizer/certain.ts";

/** Problems that can be solved by trying everything: options of several types, values of either sign, equal ones. */
export const smallProblems: fc.Arbitrary<AssignmentProblem> = fc
  .record({
    capacityUnits: fc.array(fc.constantFrom(0, 3, 6, 10, 17, Number.POSITIVE_INFINITY), {
      minLength: 1,
      maxLength: 3,
    }),
    servers: fc.array(
      fc.record({
        priority: fc.constantFrom(1, 5, 100),
        options: fc.array(
          fc.record({
            units: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 2 }),
            type: fc.nat(2),
            replicas: fc.integer({ min: 1, max: 3 }),
            value: fc.integer({ min: -40, max: 99 }).map((tenths) => tenths / 10),
          }),
          { maxLength: 3 },
        ),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ capacityUnits, servers }) => ({
    capacityUnits,
    servers: servers.map(({ priority, options }, index): AssignmentServer => ({
      id: `server-${index}`,
      priority,
      options: options.map(({ units, type, replicas, value }): AssignmentOption => ({
        uses: units.map((one, at) => ({ type: (type + at) % capacityUnits.length, units: one })),
        replicas,
        value,
      })),
    })),
  }));

/** Units that an assignment takes of each type. */
export function unitsTaken(problem: AssignmentProblem, assignment: Assignment): readonly number[] {
  const taken = problem.capacityUnits.map(() => 0);
  for (const [server, { options }] of problem.servers.entries()) {
    const option = certain(assignment[server]);
    if (option === unserved) continue;
    for (const { type, units } of certain(options[option]).uses) taken[type] = certain(taken[type]) + units;
  }
  return taken;
}

export function isWithinCapacity(problem: AssignmentProblem, assignment: Assignment): boolean {
  return unitsTaken(problem, assignment).every(
    (units, type) => units <= certain(problem.capacityUnits[type]),
  );
}

/** Served of each priority, most important first, and then minus the value: larger is better in this order. */
export function merits(problem: AssignmentProblem, assignment: Assignment): readonly number[] {
  const priorities = [...new Set(problem.servers.map(({ priority }) => priority))].toSorted((a, b) => a - b);
  const served = priorities.map(
    (priority) =>
      problem.servers.filter((server, at) => server.priority === priority && assignment[at] !== unserved)
        .length,
  );
  const value = problem.servers.reduce(
    (sum, { options }, at) => sum + (options[certain(assignment[at])]?.value ?? 0),
    0,
  );
  // Values are tenths or thousandths here; their sums differ by rounding only.
  return [...served, -Math.round(value * 1e6) / 1e6];
}

/** Positive where `a` has more merit. */
export function compareMerits(a: readonly number[], b: readonly number[]): number {
  for (const [index, merit] of a.entries()) {
    const difference = merit - certain(b[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The most merit there is, by trying every assignment. */
export function bestMerits(problem: AssignmentProblem): readonly number[] {
  const assignment = new Int32Array(problem.servers.length).fill(unserved);
  let best: readonly number[] | undefined;
  const visit = (server: number): void => {
    if (server === problem.servers.length) {
      const found = merits(problem, assignment);
      if (isWithinCapacity(problem, assignment) && (!best || compareMerits(found, best) > 0)) best = found;
      return;
    }
    for (let option = unserved; option < certain(problem.servers[server]).options.length; option++) {
      assignment[server] = option;
      visit(server + 1);
    }
  };
  visit(0);
  return certain(best);
}
