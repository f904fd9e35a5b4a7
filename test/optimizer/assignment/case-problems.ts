import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type {
  Assignment,
  AssignmentProblem,
  AssignmentServer,
} from "../../../optimizer/assignment/assignment-problem.ts";
import { certain } from "../../../optimizer/certain.ts";

/** Handed over with the project and not part of it. */
const casesFolder = join(import.meta.dirname, "../../../../shared/cases/optimizer");

export const casesExist = existsSync(casesFolder);

export function caseNames(): readonly string[] {
  return readdirSync(casesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** A case as the assignment of its candidates, with what is known of the answer. */
export interface AssignmentCase {
  readonly problem: AssignmentProblem;
  /** Priorities of the servers that need something. */
  readonly levels: readonly number[];
  /** Undefined for the cases without limits. */
  readonly optimum?: { readonly servedByLevel: readonly number[]; readonly value: number };
  /** What Inferno serves of the levels under the policy None. */
  readonly peerServedByLevel?: readonly number[];
}

interface Candidate {
  readonly type: string;
  readonly unitsPerReplica: number;
  readonly replicas: number;
  readonly value: number;
}

interface Known {
  readonly levels: readonly number[];
  readonly servedByLevel: readonly number[];
  readonly value: number;
  readonly peerPolicyNone: { readonly servedByLevel: readonly number[] };
}

interface Expected {
  readonly optimizer: { readonly unlimited: boolean };
  readonly candidates: Readonly<Record<string, readonly Candidate[] | null>>;
  readonly optimum: Known | null;
}

export function readAssignmentCase(name: string): AssignmentCase {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(casesFolder, name, file), "utf8"));
  const { candidates, optimizer, optimum } = read("expected.json") as Expected;
  const classes = (
    read("input/serviceclass-data.json") as {
      readonly serviceClasses: readonly { readonly name: string; readonly priority: number }[];
    }
  ).serviceClasses;
  const servers = (
    read("input/server-data.json") as {
      readonly servers: readonly { readonly name: string; readonly class?: string }[];
    }
  ).servers;
  const counts = (
    read("input/capacity-data.json") as {
      readonly count?: readonly { readonly type: string; readonly count: number }[] | null;
    }
  ).count;
  const priorityOf = (server: string): number => {
    const serviceClass = servers.find((one) => one.name === server)?.class;
    const priority = classes.find((one) => one.name === (serviceClass || "Free"))?.priority ?? 100;
    return priority >= 1 && priority <= 100 ? priority : 100;
  };

  const types = [
    ...new Set(Object.values(candidates).flatMap((all) => (all ?? []).map(({ type }) => type))),
  ].toSorted();
  const capacityUnits = types.map((type) =>
    optimizer.unlimited ? Number.POSITIVE_INFINITY : (counts?.find((one) => one.type === type)?.count ?? 0),
  );
  return {
    problem: {
      capacityUnits,
      servers: Object.entries(candidates).map(([id, options]): AssignmentServer => ({
        id,
        priority: priorityOf(id),
        options: (options ?? []).map(({ type, unitsPerReplica, replicas, value }) => ({
          uses: replicas === 0 ? [] : [{ type: types.indexOf(type), units: unitsPerReplica * replicas }],
          replicas,
          value,
        })),
      })),
    },
    levels: optimum?.levels ?? [],
    ...(optimum ? { optimum, peerServedByLevel: optimum.peerPolicyNone.servedByLevel } : {}),
  };
}

/** Servers served of each priority, those without load apart, as the cases count them. */
export function servedOfLevels(
  problem: AssignmentProblem,
  assignment: Assignment,
  levels: readonly number[],
): readonly number[] {
  return levels.map(
    (priority) =>
      problem.servers.filter((server, at) => {
        const option = server.options[certain(assignment[at])];
        return server.priority === priority && option !== undefined && option.replicas > 0;
      }).length,
  );
}

export function valueOf(problem: AssignmentProblem, assignment: Assignment): number {
  return problem.servers.reduce(
    (sum, { options }, at) => sum + (options[certain(assignment[at])]?.value ?? 0),
    0,
  );
}
