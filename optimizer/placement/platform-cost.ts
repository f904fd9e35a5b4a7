import { certain } from "../certain.ts";
import { partName, partsOf } from "../allocation.ts";
import type { Candidate } from "../allocation.ts";
import type { NodeType } from "../packing/node-fit.ts";
import type { NodeOptions } from "../packing/node-options.ts";
import { packAccelerator, packWithProof } from "../packing/pack.ts";
import type { ProvenPacking } from "../packing/pack.ts";
import type { ReplicaDemand } from "../packing/replica-class.ts";
import { compareText } from "../text-order.ts";
import type { GroupDemand, Rejection } from "../workload.ts";
import { PodCounts } from "./pod-counts.ts";
import { replicaDemand } from "./replica-demand.ts";

/** A group with the sizes it may run at. */
export interface SizedGroup {
  readonly group: GroupDemand;
  /** Priority of its most important workload: 1 before 100. */
  readonly priority: number;
  /** Least GPU cost first. */
  readonly candidates: readonly Candidate[];
  /** Shapes it cannot run in, whatever else runs. */
  readonly rejections: readonly Rejection[];
}

/** For each group the position of its candidate, or `unplaced`. */
export type Choice = readonly number[];
export const unplaced = -1;

/** Cost of a whole choice: nodes in the first place, cards in use among equal node costs. */
export interface PlatformCost {
  readonly nodeUsdPerHour: number;
  readonly gpuUsdPerHour: number;
}

/** Sums of prices that differ by less than this are equal. */
export const equalUsdPerHour = 1e-9;

export function isCheaper(a: PlatformCost, b: PlatformCost): boolean {
  const saved = b.nodeUsdPerHour - a.nodeUsdPerHour;
  if (Math.abs(saved) > equalUsdPerHour) return saved > 0;
  return b.gpuUsdPerHour - a.gpuUsdPerHour > equalUsdPerHour;
}

/**
 * Costs choices. What packings cost is remembered by what they pack, because a search changes one group at a time and so
 * leaves most accelerators as they were.
 */
export class Platform {
  readonly groups: readonly SizedGroup[];
  /** Choices costed so far: what a search may spend, since it does not depend on the machine's speed. */
  evaluations = 0;
  readonly #nodeTypes: ReadonlyMap<string, readonly NodeType[]>;
  readonly #gpuLimits: Readonly<Record<string, number>>;
  readonly #nodeOptions: NodeOptions;
  readonly #pods: PodCounts;
  /** By accelerator, then by its pods; undefined where they do not fit. */
  readonly #usdPerHour: readonly Map<string, number | undefined>[];

  constructor(
    groups: readonly SizedGroup[],
    nodeTypes: ReadonlyMap<string, readonly NodeType[]>,
    gpuLimits: Readonly<Record<string, number>>,
    nodeOptions: NodeOptions = {},
  ) {
    this.groups = groups;
    this.#nodeOptions = nodeOptions;
    this.#nodeTypes = nodeTypes;
    this.#gpuLimits = gpuLimits;
    this.#pods = new PodCounts(groups, nodeOptions);
    this.#usdPerHour = this.#pods.accelerators.map(() => new Map());
  }

  /** Undefined where some accelerator has too few cards. */
  costOf(choice: Choice): PlatformCost | undefined {
    this.evaluations++;
    let nodeUsdPerHour = 0;
    for (const accelerator of this.#pods.count(choice)) {
      const usdPerHour = this.#usdPerHourOf(accelerator, choice);
      if (usdPerHour === undefined) return undefined;
      nodeUsdPerHour += usdPerHour;
    }
    let gpuUsdPerHour = 0;
    for (let index = 0; index < choice.length; index++) {
      gpuUsdPerHour += certain(this.groups[index]).candidates[certain(choice[index])]?.gpuUsdPerHour ?? 0;
    }
    return { nodeUsdPerHour, gpuUsdPerHour };
  }

  /** The packings of a choice that is final, as good as they get. */
  packingsOf(choice: Choice): readonly (readonly [string, ProvenPacking])[] {
    return [...this.#byAccelerator(choice)]
      .flatMap(([accelerator, members]) => {
        const demands = members.map((member) => this.#demandOf(member));
        const nodeTypes = this.#nodeTypes.get(accelerator) ?? [];
        const packing = packWithProof(demands, nodeTypes, this.limitOf(accelerator), this.#nodeOptions);
        return packing ? [[accelerator, packing] as const] : [];
      })
      .toSorted(([a], [b]) => compareText(a, b));
  }

  limitOf(accelerator: string): number {
    return this.#gpuLimits[accelerator] ?? Number.POSITIVE_INFINITY;
  }

  /** Cards that the nodes of the accelerator would have in all, were there no limit. */
  gpuCountWithoutLimit(accelerator: string, choice: Choice): number {
    const members = this.#byAccelerator(choice).get(accelerator) ?? [];
    const demands = members.map((member) => this.#demandOf(member));
    const nodeTypes = this.#nodeTypes.get(accelerator) ?? [];
    return packAccelerator(demands, nodeTypes, undefined, this.#nodeOptions)?.gpuCount ?? 0;
  }

  #byAccelerator(choice: Choice): ReadonlyMap<string, readonly Member[]> {
    const members = new Map<string, Member[]>();
    for (const [index, chosen] of choice.entries()) {
      const candidate = certain(this.groups[index]).candidates[chosen];
      if (!candidate) continue;
      for (const [position, { accelerator, replicas }] of partsOf(candidate).entries()) {
        if (replicas === 0) continue;
        const known = members.get(accelerator);
        const member = { index, chosen, position };
        if (known) known.push(member);
        else members.set(accelerator, [member]);
      }
    }
    return members;
  }

  /** Of the choice that was counted last. */
  #usdPerHourOf(position: number, choice: Choice): number | undefined {
    const known = certain(this.#usdPerHour[position]);
    const key = this.#pods.keyOf(position);
    const remembered = known.get(key);
    if (remembered !== undefined || known.has(key)) return remembered;
    const accelerator = certain(this.#pods.accelerators[position]);
    const members = this.#byAccelerator(choice).get(accelerator) ?? [];
    const packing = packAccelerator(
      members.map((member) => this.#demandOf(member)),
      this.#nodeTypes.get(accelerator) ?? [],
      this.limitOf(accelerator),
      this.#nodeOptions,
    );
    known.set(key, packing?.usdPerHour);
    return packing?.usdPerHour;
  }

  #demandOf({ index, chosen, position }: Member): ReplicaDemand {
    const { group, candidates } = certain(this.groups[index]);
    const part = certain(partsOf(certain(candidates[chosen]))[position]);
    return replicaDemand(group, part, partName(group.id, part, position));
  }
}

/** A part of a group's chosen candidate. */
interface Member {
  readonly index: number;
  readonly chosen: number;
  readonly position: number;
}
