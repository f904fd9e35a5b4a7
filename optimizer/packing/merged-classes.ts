import { certain } from "../certain.ts";
import type { NodePattern, ReplicaClass } from "./replica-class.ts";

/** Classes that are packed as if they were one: positions of their members. */
export type Merging = readonly (readonly number[])[];

/**
 * Classes so alike that little is lost by packing them as one, at most `mostClasses` in all: from those that take the
 * same cards in the same places, the group that differs most is cut in two, again and again.
 */
export function mergingOf(classes: readonly ReplicaClass[], mostClasses: number): Merging {
  const mostCpu = Math.max(1, ...classes.map(({ cpuMillis }) => cpuMillis));
  const mostMemory = Math.max(1, ...classes.map(({ memoryMiB }) => memoryMiB));
  const cpuOf = (index: number) => certain(classes[index]).cpuMillis / mostCpu;
  const memoryOf = (index: number) => certain(classes[index]).memoryMiB / mostMemory;
  const cut = (members: readonly number[]) => {
    const [by, width] = [cpuOf, memoryOf]
      .map((of) => [of, Math.max(...members.map(of)) - Math.min(...members.map(of))] as const)
      .reduce((widest, one) => (one[1] > widest[1] ? one : widest));
    const replicas = members.reduce((sum, index) => sum + certain(classes[index]).replicas, 0);
    return { members, by, difference: width * replicas };
  };
  const alike = Map.groupBy(classes.keys(), (index) => {
    const { gpusPerReplica, spotAllowed, zone, instanceType } = certain(classes[index]);
    return JSON.stringify([gpusPerReplica, spotAllowed, zone, instanceType]);
  });
  const groups = [...alike.values()].map(cut);
  while (groups.length < mostClasses) {
    let most = 0;
    for (const [at, { difference }] of groups.entries()) {
      if (difference > certain(groups[most]).difference) most = at;
    }
    const { members, by, difference } = certain(groups[most]);
    if (difference === 0) break;
    const inOrder = members.toSorted((a, b) => by(a) - by(b) || a - b);
    const half = Math.floor(inOrder.length / 2);
    groups.splice(most, 1, cut(inOrder.slice(0, half)), cut(inOrder.slice(half)));
  }
  return groups.map(({ members }) => members.toSorted((a, b) => a - b));
}

/** One class for each group: with the least that a member takes it is no harder to pack, with the most no easier. */
export function mergedClasses(
  classes: readonly ReplicaClass[],
  merging: Merging,
  extreme: "least" | "most",
): readonly ReplicaClass[] {
  const pick = extreme === "least" ? Math.min : Math.max;
  return merging.map((members) => {
    const all = members.map((index) => certain(classes[index]));
    return {
      ...certain(all[0]),
      cpuMillis: pick(...all.map(({ cpuMillis }) => cpuMillis)),
      memoryMiB: pick(...all.map(({ memoryMiB }) => memoryMiB)),
      replicas: all.reduce((sum, { replicas }) => sum + replicas, 0),
      demands: all.flatMap(({ demands }) => demands),
    };
  });
}

/** Nodes with the members themselves, one after the other, in place of the merged classes. */
export function unmerged(
  patterns: readonly NodePattern[],
  classes: readonly ReplicaClass[],
  merging: Merging,
): readonly NodePattern[] {
  const left = classes.map(({ replicas }) => replicas);
  return patterns.flatMap(({ node, contents, nodeCount }) =>
    Array.from({ length: nodeCount }, () => {
      const held = classes.map(() => 0);
      for (const [at, members] of merging.entries()) {
        let wanted = certain(contents[at]);
        for (const index of members) {
          const count = Math.min(wanted, certain(left[index]));
          held[index] = count;
          left[index] = certain(left[index]) - count;
          wanted -= count;
        }
      }
      return { node, contents: held, nodeCount: 1 };
    }),
  );
}
