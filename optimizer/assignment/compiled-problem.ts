import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import { unserved } from "./assignment-problem.ts";
import type { Assignment, AssignmentOption, AssignmentProblem } from "./assignment-problem.ts";

/**
 * An assignment problem as flat arrays. Servers stand by priority and then id, the options of each by value, so that
 * neither the order of the input nor its object shapes show in an answer or in the time of a hot loop.
 */
export interface CompiledProblem {
  readonly serverCount: number;
  readonly typeCount: number;
  /** Units of each type; infinite where it is not limited. */
  readonly capacity: Float64Array;
  /** First server of each level of importance, and the number of servers after the last. */
  readonly levelStart: Int32Array;
  /** Level of each server: 0 for the most important priority that occurs. */
  readonly level: Int32Array;
  /** First option of each server, and the number of options after the last. */
  readonly optionStart: Int32Array;
  readonly value: Float64Array;
  readonly replicas: Float64Array;
  /** First use of each option, and the number of uses after the last. Uses of unlimited types are left out. */
  readonly useStart: Int32Array;
  readonly useType: Int32Array;
  readonly useUnits: Float64Array;
  /** Position of each server and of each option in the problem. */
  readonly originalServer: Int32Array;
  readonly originalOption: Int32Array;
}

interface Use {
  readonly type: number;
  readonly units: number;
}

/** Options of one server before they are laid out. */
interface ReadOption {
  readonly position: number;
  readonly option: AssignmentOption;
  readonly uses: readonly Use[];
}

export function compileProblem(problem: AssignmentProblem): CompiledProblem {
  const { servers, capacityUnits } = problem;
  const order = canonicalOrder(problem);
  const optionCount = servers.reduce((sum, { options }) => sum + options.length, 0);
  const optionStart = new Int32Array(order.length + 1);
  const value = new Float64Array(optionCount);
  const replicas = new Float64Array(optionCount);
  const useStart = new Int32Array(optionCount + 1);
  const originalOption = new Int32Array(optionCount);
  const level = new Int32Array(order.length);
  const levelStart: number[] = [];
  const useType: number[] = [];
  const useUnits: number[] = [];

  let at = 0;
  let lastPriority = Number.NaN;
  for (let index = 0; index < order.length; index++) {
    const server = certain(servers[certain(order[index])]);
    if (server.priority !== lastPriority) levelStart.push(index);
    lastPriority = server.priority;
    level[index] = levelStart.length - 1;
    for (const { position, option, uses } of readOptions(server.options, capacityUnits)) {
      value[at] = option.value;
      replicas[at] = option.replicas;
      originalOption[at] = position;
      for (const use of uses) {
        useType.push(use.type);
        useUnits.push(use.units);
      }
      at++;
      useStart[at] = useType.length;
    }
    optionStart[index + 1] = at;
  }
  levelStart.push(order.length);
  return {
    serverCount: order.length,
    typeCount: capacityUnits.length,
    capacity: Float64Array.from(capacityUnits),
    levelStart: Int32Array.from(levelStart),
    level,
    optionStart,
    value,
    replicas,
    useStart,
    useType: Int32Array.from(useType),
    useUnits: Float64Array.from(useUnits),
    originalServer: order,
    originalOption,
  };
}

function canonicalOrder({ servers, capacityUnits }: AssignmentProblem): Int32Array {
  if (capacityUnits.some((units) => !(units >= 0))) throw new RangeError("assignment: capacity must be >= 0");
  return Int32Array.from(servers.keys()).sort((a, b) => {
    const first = certain(servers[a]);
    const second = certain(servers[b]);
    return first.priority - second.priority || compareText(first.id, second.id) || a - b;
  });
}

function readOptions(
  options: readonly AssignmentOption[],
  capacityUnits: readonly number[],
): readonly ReadOption[] {
  const read = options.map((option, position) => {
    if (!Number.isFinite(option.value)) throw new RangeError("assignment: a value must be a finite number");
    return { position, option, uses: limitedUses(option.uses, capacityUnits) };
  });
  return read.sort(compareOptions);
}

/** One use a type, by type: what an option takes of types that are limited. */
function limitedUses(uses: readonly Use[], capacityUnits: readonly number[]): readonly Use[] {
  const limited: Use[] = [];
  for (const use of uses) {
    const capacity = capacityUnits[use.type];
    if (capacity === undefined) throw new RangeError(`assignment: there is no type ${use.type}`);
    if (!(use.units >= 0)) throw new RangeError("assignment: units must be >= 0");
    if (use.units > 0 && capacity < Number.POSITIVE_INFINITY) limited.push(use);
  }
  if (limited.length < 2) return limited;
  const byType = Map.groupBy(limited, ({ type }) => type);
  return [...byType]
    .map(([type, same]) => ({ type, units: same.reduce((sum, { units }) => sum + units, 0) }))
    .toSorted((a, b) => a.type - b.type);
}

/** Least value first; then by content, so that only options that are the same in everything keep their order. */
function compareOptions(a: ReadOption, b: ReadOption): number {
  return (
    a.option.value - b.option.value ||
    a.uses.length - b.uses.length ||
    compareUses(a.uses, b.uses) ||
    a.option.replicas - b.option.replicas ||
    a.position - b.position
  );
}

function compareUses(a: readonly Use[], b: readonly Use[]): number {
  for (const [index, use] of a.entries()) {
    const other = certain(b[index]);
    const difference = use.type - other.type || use.units - other.units;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The answer in the positions of the problem that was compiled. */
export function toAssignment(compiled: CompiledProblem, chosen: Int32Array): Assignment {
  const assignment = new Int32Array(compiled.serverCount).fill(unserved);
  for (let server = 0; server < chosen.length; server++) {
    const option = certain(chosen[server]);
    if (option === unserved) continue;
    assignment[certain(compiled.originalServer[server])] = certain(compiled.originalOption[option]);
  }
  return assignment;
}

/** The chosen option of each server of the compiled problem: the inverse of {@link toAssignment}. */
export function fromAssignment(compiled: CompiledProblem, assignment: Assignment): Int32Array {
  const chosen = new Int32Array(compiled.serverCount).fill(unserved);
  for (let server = 0; server < chosen.length; server++) {
    const wanted = certain(assignment[certain(compiled.originalServer[server])]);
    const end = certain(compiled.optionStart[server + 1]);
    for (let option = certain(compiled.optionStart[server]); option < end; option++) {
      if (compiled.originalOption[option] === wanted) chosen[server] = option;
    }
  }
  return chosen;
}
