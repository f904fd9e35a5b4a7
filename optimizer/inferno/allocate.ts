import { unserved } from "../assignment/assignment-problem.ts";
import type { AssignmentProblem } from "../assignment/assignment-problem.ts";
import { bestEffort } from "../assignment/best-effort.ts";
import { solveAssignment } from "../assignment/solve.ts";
import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import { granted, served, unservedAllocation } from "./allocation-of.ts";
import type { InfernoAllocations, ServerAllocation, TypeUse } from "./allocation-result.ts";
import { unitsPerReplica } from "./candidate.ts";
import type { Candidate, CandidatePart } from "./candidate.ts";
import type { SizedServer } from "./candidates.ts";
import type { InfernoSystem } from "./inferno-system.ts";
import type { RateModels } from "./rate-model.ts";

/** What is minimised among servers of one priority: cost with the penalty of changes, or cost alone. */
export type AllocationObjective = "value" | "cost";

export interface AllocationOptions {
  readonly models: RateModels;
  readonly objective: AllocationObjective;
  /** For the assignment alone. */
  readonly timeLimitMs: number;
  readonly signal?: AbortSignal;
}

/** Chooses among the candidates of {@link sizeServers}, within the capacity of the system where that counts. */
export async function allocate(
  system: InfernoSystem,
  sized: readonly SizedServer[],
  options: AllocationOptions,
): Promise<InfernoAllocations> {
  const compare = byObjective(options.objective);
  const { chosen, proof, failure }: Solution = system.options.unlimited
    ? {
        chosen: sized.map(({ candidates }) => bestOf(candidates, compare)),
        proof: { status: "trivial", gap: 0 },
      }
    : await withinCapacity(
        system,
        sized.map((one) => ({ ...one, candidates: one.candidates.toSorted(compare) })),
        options,
      );
  const allocations = sized.map((server, at) => allocationOf(server, certain(chosen[at]), options.models));
  return {
    allocations,
    totals: totalsOf(allocations),
    units: typeUses(system, chosen),
    proof,
    ...(failure === undefined ? {} : { failure }),
  };
}

interface Solution extends Pick<InfernoAllocations, "proof" | "failure"> {
  readonly chosen: readonly Choice[];
}

/** A candidate with fewer replicas than it needs, or all of them; none where the server gets nothing. */
interface Choice {
  readonly candidate?: Candidate;
  readonly replicas: number;
}

const nothing: Choice = { replicas: 0 };

type CandidateOrder = (a: Candidate, b: Candidate) => number;

function bestOf(candidates: readonly Candidate[], compare: CandidateOrder): Choice {
  if (candidates.length === 0) return nothing;
  const candidate = candidates.reduce((best, one) => (compare(one, best) < 0 ? one : best));
  return { candidate, replicas: candidate.replicas };
}

/** Equal ones in the order of cost and name, so that the answer does not depend on the order of the files. */
function byObjective(objective: AllocationObjective): CandidateOrder {
  return (a, b) =>
    a[objective] - b[objective] ||
    a.cost - b.cost ||
    a.parts.length - b.parts.length ||
    a.replicas - b.replicas ||
    compareText(nameOf(a), nameOf(b));
}

function nameOf({ parts }: Candidate): string {
  return parts.map(({ accelerator, replicas }) => `${accelerator.name} ${replicas}`).join("+");
}

async function withinCapacity(
  system: InfernoSystem,
  servers: readonly SizedServer[],
  { objective, timeLimitMs, signal }: AllocationOptions,
): Promise<Solution> {
  const problem = problemOf(system, servers, objective);
  const { assignment, proof, failure } = await solveAssignment(problem, {
    timeLimitMs,
    ...(signal === undefined ? {} : { signal }),
  });
  const chosen = servers.map(({ candidates }, at): Choice => {
    const option = certain(assignment[at]);
    if (option === unserved) return nothing;
    const candidate = certain(candidates[option]);
    return { candidate, replicas: candidate.replicas };
  });
  const { saturationPolicy, delayedBestEffort } = system.options;
  const partly = bestEffort(
    system.options.heterogeneous ? withoutSplits(problem, servers, assignment) : problem,
    assignment,
    saturationPolicy,
    delayedBestEffort,
  );
  for (const { server, option, replicas } of partly) {
    chosen[server] = { candidate: certain(singles(certain(servers[server]))[option]), replicas };
  }
  return {
    chosen,
    proof: { status: proof.status, gap: proof.gap },
    ...(failure === undefined ? {} : { failure }),
  };
}

function problemOf(
  system: InfernoSystem,
  servers: readonly SizedServer[],
  objective: AllocationObjective,
): AssignmentProblem {
  const units = new Map(system.capacity.map((one) => [one.type, one.units]));
  const types = [...new Set(system.accelerators.map(({ type }) => type))].toSorted(compareText);
  const typeNumber = new Map(types.map((type, at) => [type, at]));
  const usesOf = (parts: readonly CandidatePart[]) => {
    const uses = parts.map((part) => ({
      type: certain(typeNumber.get(part.accelerator.type)),
      units: unitsPerReplica(part) * part.replicas,
    }));
    const [first, second] = uses;
    // Two accelerators of one type are one demand for its cards.
    return first !== undefined && first.type === second?.type
      ? [{ type: first.type, units: first.units + second.units }]
      : uses;
  };
  return {
    servers: servers.map(({ server, priority, candidates }) => ({
      id: server.name,
      priority,
      options: candidates.map((candidate) => ({
        uses: usesOf(candidate.parts),
        replicas: candidate.replicas,
        value: candidate[objective],
      })),
    })),
    // A type without a count has no cards.
    capacityUnits: types.map((type) => units.get(type) ?? 0),
  };
}

/** Candidates on one accelerator: a part of a split has no replicas that are all alike. */
function singles({ candidates }: SizedServer): readonly Candidate[] {
  return candidates.filter(({ parts }) => parts.length <= 1);
}

/** The same problem, where those that are left out can only have replicas on one accelerator. */
function withoutSplits(
  problem: AssignmentProblem,
  servers: readonly SizedServer[],
  assignment: Int32Array,
): AssignmentProblem {
  return {
    ...problem,
    servers: problem.servers.map((server, at) => {
      if (assignment[at] !== unserved) return server;
      const { candidates } = certain(servers[at]);
      return {
        ...server,
        options: server.options.filter((_, option) => certain(candidates[option]).parts.length <= 1),
      };
    }),
  };
}

function allocationOf(
  sized: SizedServer,
  { candidate, replicas }: Choice,
  models: RateModels,
): ServerAllocation {
  if (candidate === undefined) return unservedAllocation(sized);
  return replicas === candidate.replicas
    ? served(sized, candidate, models)
    : granted(sized, candidate, replicas, models);
}

function totalsOf(allocations: readonly ServerAllocation[]): InfernoAllocations["totals"] {
  const totals = { cost: 0, value: 0, full: 0, partial: 0, none: 0 };
  for (const { cost, value, served: how } of allocations) {
    totals.cost += cost;
    totals.value += value;
    totals[how]++;
  }
  return totals;
}

function typeUses(system: InfernoSystem, chosen: readonly Choice[]): readonly TypeUse[] {
  const used = new Map<string, number>();
  for (const { candidate, replicas } of chosen) {
    for (const part of candidate?.parts ?? []) {
      const { type } = part.accelerator;
      const units = unitsPerReplica(part) * (candidate?.replicas === replicas ? part.replicas : replicas);
      used.set(type, (used.get(type) ?? 0) + units);
    }
  }
  const capacity = new Map(system.capacity.map(({ type, units }) => [type, units]));
  const limited = !system.options.unlimited;
  const types = new Set([...used.keys(), ...(limited ? capacity.keys() : [])]);
  return [...types].toSorted(compareText).map((type) => ({
    type,
    units: used.get(type) ?? 0,
    capacityUnits: limited ? (capacity.get(type) ?? 0) : Infinity,
  }));
}
