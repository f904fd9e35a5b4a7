import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, fromAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Ledger } from "./ledger.ts";
import { RegretQueue } from "./regret-greedy.ts";

/**
 * Who gets the capacity that is left, among the servers that cannot be served in full:
 *
 * - `None`: nobody.
 * - `PriorityExhaustive`: one server after the other, by priority, as much as it can use.
 * - `PriorityRoundRobin`: of one priority after the other, every server one replica a round.
 * - `RoundRobin`: every server one replica a round.
 */
export type SaturationPolicy = "None" | "PriorityExhaustive" | "PriorityRoundRobin" | "RoundRobin";

/** Fewer replicas than the option needs, for a server that is not served in full. */
export interface PartialServing {
  /** Position of the server in the problem. */
  readonly server: number;
  /** Position of the option among the server's. */
  readonly option: number;
  /** At least 1. */
  readonly replicas: number;
}

/** A server that takes replicas of one option. */
interface Grant {
  readonly server: number;
  readonly option: number;
  replicas: number;
}

/**
 * Replicas for the servers left out, from the capacity that the assignment leaves. It never takes from a full serving,
 * of whatever priority: all of them are decided before. Among servers of one priority, those that lose most by not
 * getting their best option come first, and each takes replicas of its cheapest option that has room for one.
 *
 * @param delayed as Inferno's `delayedBestEffort`: false ends the best effort of a priority before the next one gets
 *   any, so that `RoundRobin` becomes `PriorityRoundRobin`. The other policies go by priority anyway.
 */
export function bestEffort(
  problem: AssignmentProblem,
  assignment: Assignment,
  policy: SaturationPolicy,
  delayed = true,
): readonly PartialServing[] {
  if (policy === "None") return [];
  const compiled = compileProblem(problem);
  const ledger = new Ledger(compiled, fromAssignment(compiled, assignment));
  const levels = leftOutByLevel(compiled, ledger.chosen);
  const grants =
    policy === "PriorityExhaustive"
      ? levels.flatMap((servers) => exhaustively(compiled, ledger, servers))
      : policy === "RoundRobin" && delayed
        ? inRounds(compiled, ledger, levels.flat())
        : levels.flatMap((servers) => inRounds(compiled, ledger, servers));
  return grants
    .map(({ server, option, replicas }) => ({
      server: certain(compiled.originalServer[server]),
      option: certain(compiled.originalOption[option]),
      replicas,
    }))
    .toSorted((a, b) => a.server - b.server);
}

/** Servers without an option, in Inferno's order. */
function leftOutByLevel(problem: CompiledProblem, chosen: Int32Array): readonly (readonly number[])[] {
  const queue = new RegretQueue(problem);
  const levels: number[][] = [];
  for (let level = 0; level + 1 < problem.levelStart.length; level++) {
    const end = certain(problem.levelStart[level + 1]);
    for (let server = certain(problem.levelStart[level]); server < end; server++) {
      if (chosen[server] === unserved) queue.push(server);
    }
    const servers: number[] = [];
    for (let server = queue.pop(); server !== undefined; server = queue.pop()) servers.push(server);
    levels.push(servers);
  }
  return levels;
}

function exhaustively(
  problem: CompiledProblem,
  ledger: Ledger,
  servers: readonly number[],
): readonly Grant[] {
  return servers.flatMap((server) => {
    const option = firstWithRoom(problem, ledger, server);
    if (option === undefined) return [];
    const grant = { server, option, replicas: 0 };
    give(problem, ledger, grant, replicasThatFit(problem, ledger, grant));
    return [grant];
  });
}

function inRounds(problem: CompiledProblem, ledger: Ledger, servers: readonly number[]): readonly Grant[] {
  const grants: Grant[] = [];
  // The first round settles which option each server takes replicas of.
  for (const server of servers) {
    const option = firstWithRoom(problem, ledger, server);
    if (option === undefined) continue;
    const grant = { server, option, replicas: 0 };
    give(problem, ledger, grant, 1);
    grants.push(grant);
  }
  let active: readonly Grant[] = grants;
  while (active.length > 0) {
    const rounds = roundsForAll(problem, ledger, active);
    for (const grant of active) give(problem, ledger, grant, rounds);
    // Then there is one round in which not everybody gets a replica.
    active = active.filter((grant) => {
      const fits = replicasThatFit(problem, ledger, grant) > 0;
      if (fits) give(problem, ledger, grant, 1);
      return fits;
    });
  }
  return grants;
}

/** Whole rounds for which everybody's replicas fit: there may be a million of them, so they are not stepped through. */
function roundsForAll(problem: CompiledProblem, ledger: Ledger, grants: readonly Grant[]): number {
  const unitsPerRound = new Float64Array(problem.typeCount);
  let rounds = Number.POSITIVE_INFINITY;
  for (const { option, replicas } of grants) {
    rounds = Math.min(rounds, certain(problem.replicas[option]) - replicas);
    for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
      const type = certain(problem.useType[use]);
      unitsPerRound[type] =
        certain(unitsPerRound[type]) + certain(problem.useUnits[use]) / certain(problem.replicas[option]);
    }
  }
  for (const [type, units] of unitsPerRound.entries()) {
    if (units > 0) rounds = Math.min(rounds, Math.floor(certain(ledger.room[type]) / units));
  }
  return Math.max(rounds, 0);
}

/** The cheapest option of which one replica fits. */
function firstWithRoom(problem: CompiledProblem, ledger: Ledger, server: number): number | undefined {
  const end = certain(problem.optionStart[server + 1]);
  for (let option = certain(problem.optionStart[server]); option < end; option++) {
    if (replicasThatFit(problem, ledger, { option, replicas: 0 }) > 0) return option;
  }
  return undefined;
}

/** Replicas that the room has space for, up to as many as the option still lacks. */
function replicasThatFit(
  problem: CompiledProblem,
  ledger: Ledger,
  { option, replicas }: Pick<Grant, "option" | "replicas">,
): number {
  const needed = certain(problem.replicas[option]);
  let most = needed - replicas;
  for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
    const perReplica = certain(problem.useUnits[use]) / needed;
    most = Math.min(most, Math.floor(certain(ledger.room[certain(problem.useType[use])]) / perReplica));
  }
  return Math.max(most, 0);
}

function give(problem: CompiledProblem, ledger: Ledger, grant: Grant, replicas: number): void {
  grant.replicas += replicas;
  const { option } = grant;
  for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
    const type = certain(problem.useType[use]);
    const units = (certain(problem.useUnits[use]) / certain(problem.replicas[option])) * replicas;
    ledger.room[type] = certain(ledger.room[type]) - units;
  }
}
