import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import { replicasPerNode } from "./node-fit.ts";
import type { Allocatable } from "./allocatable.ts";
import type { NodeType } from "./node-fit.ts";

/** Replicas of one group that nodes must hold. */
export interface ReplicaDemand {
  readonly group: string;
  readonly accelerator: string;
  /** Over all its nodes. */
  readonly gpusPerReplica: number;
  readonly replicas: number;
  /** Nodes that one replica spans, with an equal pod on each; needs `instanceType` where there are several. @default 1 */
  readonly nodesPerReplica?: number;
  /** Of one pod. */
  readonly cpuMillis: number;
  /** Of one pod. */
  readonly memoryMiB: number;
  /**
   * Only nodes of this type. Where a replica spans several nodes it has as many cards as one pod takes: each pod then
   * takes a whole node, so that no two pods of a replica can meet on one, whatever else is packed.
   * Default: any type.
   */
  readonly instanceType?: string;
  /** Only nodes of this zone. Default: nodes anywhere. */
  readonly zone?: string;
  /** Whether spot nodes will do. @default true */
  readonly spotAllowed?: boolean;
  /** Room for replicas that do not run yet. @default false */
  readonly spare?: boolean;
}

/**
 * Replicas that look the same to a node, whichever groups they belong to: one dimension of the packing. Of replicas that
 * span several nodes it is their pods.
 */
export interface ReplicaClass {
  readonly gpusPerReplica: number;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly zone?: string;
  readonly instanceType?: string;
  readonly spotAllowed: boolean;
  /** Over all groups of the class. */
  readonly replicas: number;
  readonly demands: readonly ReplicaDemand[];
}

/** Nodes of one type that all hold the same: `contents[i]` replicas of the i-th class. */
export interface NodePattern {
  readonly node: NodeType;
  readonly contents: readonly number[];
  readonly nodeCount: number;
}

/** Most cards first, then a total order. Groups without replicas are left out. */
export function replicaClasses(demands: readonly ReplicaDemand[]): readonly ReplicaClass[] {
  const sorted = demands
    .filter(({ replicas }) => replicas > 0)
    .toSorted(
      (a, b) =>
        b.gpusPerReplica - a.gpusPerReplica ||
        b.memoryMiB - a.memoryMiB ||
        b.cpuMillis - a.cpuMillis ||
        compareText(a.zone ?? "", b.zone ?? "") ||
        compareText(a.instanceType ?? "", b.instanceType ?? "") ||
        Number(a.spotAllowed ?? true) - Number(b.spotAllowed ?? true) ||
        compareText(a.group, b.group) ||
        Number(a.spare ?? false) - Number(b.spare ?? false),
    );
  const alike = Map.groupBy(
    sorted,
    ({ gpusPerReplica, memoryMiB, cpuMillis, zone, instanceType, spotAllowed = true }) =>
      JSON.stringify([gpusPerReplica, memoryMiB, cpuMillis, spotAllowed, zone, instanceType]),
  );
  return [...alike.values()].map((group) => {
    const {
      gpusPerReplica,
      cpuMillis,
      memoryMiB,
      zone,
      instanceType,
      spotAllowed = true,
    } = certain(group[0]);
    const replicas = group.reduce((sum, one) => sum + one.replicas, 0);
    const onlyOn = {
      ...(zone === undefined ? {} : { zone }),
      ...(instanceType === undefined ? {} : { instanceType }),
    };
    return { gpusPerReplica, cpuMillis, memoryMiB, ...onlyOn, spotAllowed, replicas, demands: group };
  });
}

/** Whether such a node may hold such replicas, if it has room. */
export function mayHold(node: NodeType, one: ReplicaClass): boolean {
  return (
    (one.spotAllowed || node.purchase !== "spot") &&
    (one.zone === undefined || one.zone === node.zone) &&
    (one.instanceType === undefined || one.instanceType === node.instanceType.name)
  );
}

/** What is left of a node that holds `contents`; a negative field where it does not. */
export function roomLeft(
  node: Allocatable,
  classes: readonly ReplicaClass[],
  contents: readonly number[],
): Allocatable {
  let { cpuMillis, memoryMiB, gpuCount, podCount } = node;
  for (const [index, one] of classes.entries()) {
    const held = contents[index] ?? 0;
    cpuMillis -= held * one.cpuMillis;
    memoryMiB -= held * one.memoryMiB;
    gpuCount -= held * one.gpusPerReplica;
    podCount -= held;
  }
  return { cpuMillis, memoryMiB, gpuCount, podCount };
}

export function holds(
  node: NodeType,
  classes: readonly ReplicaClass[],
  contents: readonly number[],
): boolean {
  if (classes.some((one, index) => certain(contents[index]) > 0 && !mayHold(node, one))) return false;
  const left = roomLeft(node.allocatable, classes, contents);
  return left.cpuMillis >= 0 && left.memoryMiB >= 0 && left.gpuCount >= 0 && left.podCount >= 0;
}

/** Cards, CPU, memory and pods, everywhere in this order. */
export const resourceCount = 4;

export function resourcesOf(one: ReplicaClass): readonly number[] {
  return [one.gpusPerReplica, one.cpuMillis, one.memoryMiB, 1];
}

export function resourcesIn(node: NodeType): readonly number[] {
  const { gpuCount, cpuMillis, memoryMiB, podCount } = node.allocatable;
  return [gpuCount, cpuMillis, memoryMiB, podCount];
}

/** Replicas of a class that fit on one empty node. */
export function replicasOn(node: NodeType, one: ReplicaClass): number {
  return mayHold(node, one) ? replicasPerNode(node.allocatable, one.gpusPerReplica, one) : 0;
}
