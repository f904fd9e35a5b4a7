import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import { unserved } from "./assignment-problem.ts";
import type {
  Assignment,
  AssignmentOption,
  AssignmentProblem,
  AssignmentServer,
} from "./assignment-problem.ts";

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

export function compileProblem(problem: AssignmentProblem): CompiledProblem {
  const { servers, capacityUnits } = problem;
  if (capacityUnits.some((units) => !(units >= 0))) throw new RangeError("assignment: capacity must be >= 0");
  const order = canonicalOrder(servers);
  const options = new OptionColumns(servers, Float64Array.from(capacityUnits));
  const optionStart = new Int32Array(order.length + 1);
  const level = new Int32Array(order.length);
  const levelStart: number[] = [];
  let lastPriority = Number.NaN;
  for (let index = 0; index < order.length; index++) {
    const server = certain(servers[certain(order[index])]);
    if (server.priority !== lastPriority) levelStart.push(index);
    lastPriority = server.priority;
    level[index] = levelStart.length - 1;
    options.add(server.options);
    optionStart[index + 1] = options.count;
  }
  levelStart.push(order.length);
  return {
    serverCount: order.length,
    typeCount: capacityUnits.length,
    capacity: options.capacity,
    levelStart: Int32Array.from(levelStart),
    level,
    optionStart,
    value: options.value,
    replicas: options.replicas,
    useStart: options.useStart,
    useType: options.useType.subarray(0, options.useCount),
    useUnits: options.useUnits.subarray(0, options.useCount),
    originalServer: order,
    originalOption: options.original,
  };
}

/** Positions of the servers by priority and id. Files mostly list them by id, so that a priority's are in order. */
function canonicalOrder(servers: readonly AssignmentServer[]): Int32Array {
  const byPriority = new Map<number, number[]>();
  for (const [position, { priority }] of servers.entries()) {
    const same = byPriority.get(priority);
    if (same) same.push(position);
    else byPriority.set(priority, [position]);
  }
  const order = new Int32Array(servers.length);
  let filled = 0;
  const compareIds = (a: number, b: number): number =>
    compareText(certain(servers[a]).id, certain(servers[b]).id) || a - b;
  for (const priority of [...byPriority.keys()].toSorted((a, b) => a - b)) {
    const positions = certain(byPriority.get(priority));
    const isSorted = positions.every(
      (position, at) => at === 0 || compareIds(certain(positions[at - 1]), position) < 0,
    );
    order.set(isSorted ? positions : positions.sort(compareIds), filled);
    filled += positions.length;
  }
  return order;
}

/** Lays out the options of one server after the other. */
class OptionColumns {
  readonly capacity: Float64Array;
  readonly value: Float64Array;
  readonly replicas: Float64Array;
  readonly original: Int32Array;
  readonly useStart: Int32Array;
  readonly useType: Int32Array;
  readonly useUnits: Float64Array;
  count = 0;
  useCount = 0;
  /** Positions of the options of the server that is being added. */
  readonly #order: number[] = [];

  constructor(servers: readonly AssignmentServer[], capacity: Float64Array) {
    let optionCount = 0;
    let useCount = 0;
    for (let server = 0; server < servers.length; server++) {
      const { options } = certain(servers[server]);
      optionCount += options.length;
      for (let option = 0; option < options.length; option++)
        useCount += certain(options[option]).uses.length;
    }
    this.capacity = capacity;
    this.value = new Float64Array(optionCount);
    this.replicas = new Float64Array(optionCount);
    this.original = new Int32Array(optionCount);
    this.useStart = new Int32Array(optionCount + 1);
    this.useType = new Int32Array(useCount);
    this.useUnits = new Float64Array(useCount);
  }

  add(options: readonly AssignmentOption[]): void {
    this.#sort(options);
    for (let at = 0; at < this.#order.length; at++) {
      const position = certain(this.#order[at]);
      const option = certain(options[position]);
      this.value[this.count] = option.value;
      this.replicas[this.count] = option.replicas;
      this.original[this.count] = position;
      this.#addUses(option.uses);
      this.count++;
      this.useStart[this.count] = this.useCount;
    }
  }

  /** By insertion: there are few, and mostly of different values. */
  #sort(options: readonly AssignmentOption[]): void {
    const order = this.#order;
    order.length = 0;
    for (let position = 0; position < options.length; position++) {
      const option = certain(options[position]);
      if (!Number.isFinite(option.value)) throw new RangeError("assignment: a value must be a finite number");
      let at = position;
      while (at > 0 && compareOptions(option, certain(options[certain(order[at - 1])])) < 0) {
        order[at] = certain(order[at - 1]);
        at--;
      }
      order[at] = position;
    }
  }

  /** One use a type that is limited, by type. */
  #addUses(uses: readonly Use[]): void {
    const first = this.useCount;
    for (let use = 0; use < uses.length; use++) {
      const { type, units } = certain(uses[use]);
      const capacity = this.capacity[type];
      if (capacity === undefined) throw new RangeError(`assignment: there is no type ${type}`);
      if (!(units >= 0)) throw new RangeError("assignment: units must be >= 0");
      if (units === 0 || capacity === Number.POSITIVE_INFINITY) continue;
      let at = this.useCount;
      while (at > first && certain(this.useType[at - 1]) > type) at--;
      if (at > first && this.useType[at - 1] === type) {
        this.useUnits[at - 1] = certain(this.useUnits[at - 1]) + units;
        continue;
      }
      this.useType.copyWithin(at + 1, at, this.useCount);
      this.useUnits.copyWithin(at + 1, at, this.useCount);
      this.useType[at] = type;
      this.useUnits[at] = units;
      this.useCount++;
    }
  }
}

/** Least value first; then by content, so that only options that are the same in everything keep their order. */
function compareOptions(a: AssignmentOption, b: AssignmentOption): number {
  return a.value - b.value || compareUses(a.uses, b.uses) || a.replicas - b.replicas;
}

function compareUses(a: readonly Use[], b: readonly Use[]): number {
  const byType = (uses: readonly Use[]): readonly Use[] =>
    uses.length < 2 ? uses : uses.toSorted((one, other) => one.type - other.type || one.units - other.units);
  const sorted = byType(b);
  for (const [index, use] of byType(a).entries()) {
    const other = sorted[index];
    if (!other) return 1;
    const difference = use.type - other.type || use.units - other.units;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
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
