import { certain } from "../certain.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { isUsable } from "./option-uses.ts";

/**
 * Servers of a level that have the same options: whatever one of them takes, another one could. Deciding how many take
 * what instead of who is what keeps thousands of small servers from being a problem of thousands of variables.
 */
export interface Cohort {
  readonly level: number;
  /** In the order of the compiled problem. */
  readonly servers: readonly number[];
  /** First option of the first server; the others' stand in the same order. */
  readonly firstOption: number;
  readonly optionCount: number;
}

/** The cohorts of all servers that have an option within the capacity, in the order of their first servers. */
export function cohortsOf(problem: CompiledProblem): readonly Cohort[] {
  const cohorts: (Cohort & { readonly servers: number[] })[] = [];
  const byHash = new Map<number, (Cohort & { readonly servers: number[] })[]>();
  for (let server = 0; server < problem.serverCount; server++) {
    const firstOption = certain(problem.optionStart[server]);
    const optionCount = certain(problem.optionStart[server + 1]) - firstOption;
    if (!hasUsableOption(problem, firstOption, optionCount)) continue;
    const level = certain(problem.level[server]);
    const hash = hashOf(problem, level, firstOption, optionCount);
    const alike = byHash.get(hash) ?? [];
    if (alike.length === 0) byHash.set(hash, alike);
    const found = alike.find(
      (one) => one.level === level && haveEqualOptions(problem, one, firstOption, optionCount),
    );
    if (found) {
      found.servers.push(server);
      continue;
    }
    const cohort = { level, servers: [server], firstOption, optionCount };
    alike.push(cohort);
    cohorts.push(cohort);
  }
  return cohorts;
}

/** Servers of each level that the cohorts have. */
export function servableByLevel(problem: CompiledProblem, cohorts: readonly Cohort[]): Int32Array {
  const servable = new Int32Array(problem.levelStart.length - 1);
  for (const { level, servers } of cohorts) servable[level] = certain(servable[level]) + servers.length;
  return servable;
}

function hasUsableOption(problem: CompiledProblem, first: number, count: number): boolean {
  for (let option = first; option < first + count; option++) if (isUsable(problem, option)) return true;
  return false;
}

const hashed = new Float64Array(1);
const hashedBits = new Int32Array(hashed.buffer);

function hashOf(problem: CompiledProblem, level: number, first: number, count: number): number {
  let hash = level;
  const mix = (number: number): void => {
    hashed[0] = number;
    hash = Math.imul(hash ^ certain(hashedBits[0]), 0x01000193);
    hash = Math.imul(hash ^ certain(hashedBits[1]) ^ (hash >>> 15), 0x01000193);
  };
  for (let option = first; option < first + count; option++) mix(certain(problem.value[option]));
  const end = certain(problem.useStart[first + count]);
  for (let use = certain(problem.useStart[first]); use < end; use++) mix(certain(problem.useUnits[use]));
  return hash;
}

function haveEqualOptions(problem: CompiledProblem, cohort: Cohort, first: number, count: number): boolean {
  if (cohort.optionCount !== count) return false;
  for (let at = 0; at < count; at++) {
    const a = cohort.firstOption + at;
    const b = first + at;
    if (problem.value[a] !== problem.value[b]) return false;
    const useA = certain(problem.useStart[a]);
    const useB = certain(problem.useStart[b]);
    const uses = certain(problem.useStart[a + 1]) - useA;
    if (certain(problem.useStart[b + 1]) - useB !== uses) return false;
    for (let use = 0; use < uses; use++) {
      if (problem.useType[useA + use] !== problem.useType[useB + use]) return false;
      if (problem.useUnits[useA + use] !== problem.useUnits[useB + use]) return false;
    }
  }
  return true;
}
