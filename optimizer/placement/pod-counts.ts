import { partName, partsOf } from "../allocation.ts";
import { certain } from "../certain.ts";
import type { NodeOptions } from "../packing/node-options.ts";
import type { ReplicaDemand } from "../packing/replica-class.ts";
import { spreadDemands } from "../packing/spread-demands.ts";
import type { SizedGroup } from "./platform-cost.ts";
import { replicaDemand } from "./replica-demand.ts";

/** Pods that look the same to a node, and how many of them a candidate brings to an accelerator. */
interface Use {
  readonly accelerator: number;
  readonly kind: number;
  readonly pods: number;
}

/**
 * What a choice puts onto the nodes of each accelerator, as counts of pods that look the same: what packings cost depends
 * on nothing else, and a search comes to the same counts by many ways. Whatever a candidate brings is written down once,
 * so that looking at one more choice takes additions only.
 */
export class PodCounts {
  readonly accelerators: readonly string[];
  /** By group and candidate. */
  readonly #uses: readonly (readonly (readonly Use[])[])[];
  /** By accelerator and kind of pod, of the choice that was counted last. */
  readonly #counts: readonly Int32Array[];
  /** Accelerators of that choice, in order of the groups that need them. */
  readonly #present: number[] = [];

  constructor(groups: readonly SizedGroup[], options: NodeOptions) {
    const accelerators = new Map<string, Map<string, number>>();
    const useOf = (accelerator: string, kind: string, pods: number): Use => {
      const kinds = accelerators.get(accelerator) ?? new Map<string, number>();
      accelerators.set(accelerator, kinds);
      if (!kinds.has(kind)) kinds.set(kind, kinds.size);
      const position = [...accelerators.keys()].indexOf(accelerator);
      return { accelerator: position, kind: certain(kinds.get(kind)), pods };
    };
    this.#uses = groups.map(({ group, candidates }) =>
      candidates.map((candidate) =>
        partsOf(candidate).flatMap((part, position) => {
          if (part.replicas === 0) return [];
          const name = partName(group.id, part, position);
          const demand = replicaDemand(group, part, name);
          // Where replicas are spread over zones it matters whose they are.
          if (options.zones?.length)
            return [useOf(part.accelerator, `${name} ${part.replicas} ${kindOf(demand)}`, 1)];
          return spreadDemands([demand], options).map((pods) =>
            useOf(part.accelerator, kindOf(pods), pods.replicas),
          );
        }),
      ),
    );
    this.accelerators = [...accelerators.keys()];
    this.#counts = [...accelerators.values()].map((kinds) => new Int32Array(kinds.size));
  }

  /** Counts the pods of a choice; positions of the accelerators that it uses, in order of the groups that need them. */
  count(choice: readonly number[]): readonly number[] {
    for (const accelerator of this.#present) certain(this.#counts[accelerator]).fill(0);
    this.#present.length = 0;
    for (let index = 0; index < choice.length; index++) {
      const uses = certain(this.#uses[index])[certain(choice[index])];
      if (!uses) continue;
      for (const { accelerator, kind, pods } of uses) {
        if (!this.#present.includes(accelerator)) this.#present.push(accelerator);
        const counts = certain(this.#counts[accelerator]);
        counts[kind] = certain(counts[kind]) + pods;
      }
    }
    return this.#present;
  }

  /** Of what was counted last: equal keys of one accelerator are equal pods. */
  keyOf(accelerator: number): string {
    return certain(this.#counts[accelerator]).join();
  }
}

function kindOf({
  gpusPerReplica,
  cpuMillis,
  memoryMiB,
  instanceType,
  spotAllowed = true,
}: ReplicaDemand): string {
  return `${gpusPerReplica} ${cpuMillis} ${memoryMiB} ${spotAllowed} ${instanceType ?? ""}`;
}
