import { certain } from "../certain.ts";
import type { Candidate } from "../allocation.ts";
import { compareText } from "../text-order.ts";
import type { GroupDemand, Rejection } from "../workload.ts";
import { disaggregatedCandidate } from "./disaggregated-candidate.ts";
import { disaggregatedDemand, poolShape } from "./disaggregated-group.ts";
import { added, cheapestCounts } from "./disaggregated.ts";
import type { PairCounts } from "./disaggregated.ts";
import { mostReplicas } from "./fewest.ts";
import type { NodeShape } from "./node-shapes.ts";
import { PoolSide } from "./pool-side.ts";
import type { DisaggregatedDemand } from "./pool-side.ts";
import { rejectedShape } from "./rejected-shape.ts";
import { brokenTargets, reachedMs, sloTargetsOf } from "./slo-targets.ts";

/** A shape as it serves in both pools. */
export interface PoolOption {
  readonly shape: NodeShape;
  readonly prefill: PoolSide;
  readonly decode: PoolSide;
}

/** A pool of each kind, with their counts. */
export interface PoolPair {
  readonly prefill: PoolOption;
  readonly decode: PoolOption;
  readonly counts: PairCounts;
}

/** Pairs of accelerators that a search may choose from besides those that keep to one: more hardly ever pay. */
const mostMixedPairs = 8;

/** Pairs of shapes on one accelerator: what is a little dearer by the card may fill nodes better. */
const mostPairsOfOneKind = 3;

/**
 * The group as two pools, on the cheapest pairs of accelerators, each in the shapes that are cheapest on it. Pairs on one
 * accelerator are there for each that holds the targets, however dear, because limits may leave no other.
 *
 * @param shapes that a replica of either pool may have
 * @throws RangeError for a group that cannot be two pools; whoever asks for one has to see to that.
 */
export function disaggregatedCandidates(
  group: GroupDemand,
  shapes: readonly NodeShape[],
): { readonly candidates: readonly Candidate[]; readonly rejections: readonly Rejection[] } {
  const [workload, ...others] = group.workloads;
  if (!workload || others.length > 0 || group.task !== "generation") {
    throw new RangeError(`${group.id} is disaggregated and does not generate for one workload`);
  }
  if (group.fixedReplicas !== undefined || group.maySplit) {
    throw new RangeError(`${group.id} is disaggregated: its replicas are neither given nor split otherwise`);
  }
  if (group.keyValueGiBPerToken === undefined) return { candidates: [], rejections: [withoutSize(group)] };
  const demand: DisaggregatedDemand = {
    ...disaggregatedDemand(workload, group.keyValueGiBPerToken),
    // Two pools of nothing serve nobody.
    leastReplicas: Math.max(group.minReplicas, workload.load.requestsPerMinute > 0 ? 1 : 0),
    hasMargins: true,
  };
  const options = shapes.map((shape): PoolOption => {
    const pool = poolShape(group, shape);
    return { shape, prefill: PoolSide.prefill(demand, pool), decode: PoolSide.decode(demand, pool) };
  });
  const pairs = cheapestPairs(demand, options);
  return {
    candidates: pairs.map((pair) => disaggregatedCandidate(demand, workload.id, pair)),
    rejections: pairs.length > 0 ? [] : options.flatMap((option) => missesOf(group, demand, option)),
  };
}

/** The cheapest pairs of shapes for every pair of nodes, cheapest first, as many as there may be. */
function cheapestPairs(demand: DisaggregatedDemand, options: readonly PoolOption[]): readonly PoolPair[] {
  const best = new Map<string, readonly PoolPair[]>();
  for (const prefill of options) {
    for (const decode of options) {
      const key = `${nodesOf(prefill)}\n${nodesOf(decode)}`;
      const known = best.get(key) ?? [];
      const most = isMixed({ prefill, decode }) ? 1 : mostPairsOfOneKind;
      const bound = known[most - 1]?.counts.usdPerHour;
      const counts = cheapestCounts(demand, prefill.prefill, decode.decode, bound);
      if (!counts) continue;
      const pairs = [...known, { prefill, decode, counts }];
      // A stable sort: of pairs that cost the same the first stays first.
      best.set(key, pairs.toSorted((a, b) => a.counts.usdPerHour - b.counts.usdPerHour).slice(0, most));
    }
  }
  const cheapestFirst = [...best.values()]
    .flat()
    .toSorted(
      (a, b) =>
        a.counts.usdPerHour - b.counts.usdPerHour ||
        compareText(nodesOf(a.prefill), nodesOf(b.prefill)) ||
        compareText(nodesOf(a.decode), nodesOf(b.decode)),
    );
  const mixed = cheapestFirst.filter(isMixed).slice(0, mostMixedPairs);
  return cheapestFirst.filter((pair) => !isMixed(pair) || mixed.includes(pair));
}

function isMixed({ prefill, decode }: Pick<PoolPair, "prefill" | "decode">): boolean {
  return nodesOf(prefill) !== nodesOf(decode);
}

function nodesOf({ shape: { accelerator, instanceType = "" } }: PoolOption): string {
  return `${accelerator} ${instanceType}`;
}

/** What breaks even for one request alone on two replicas of the shape; the load, where so many cannot carry it. */
function missesOf(group: GroupDemand, demand: DisaggregatedDemand, option: PoolOption): readonly Rejection[] {
  const { id, slo, load } = certain(group.workloads[0]);
  const { shape, prefill, decode } = option;
  const alone = added(prefill.times(Number.POSITIVE_INFINITY), decode.times(Number.POSITIVE_INFINITY));
  const predictions = [{ workload: id, ...alone }];
  const broken = brokenTargets(sloTargetsOf([{ id, slo }]), predictions);
  if (broken.length > 0) {
    return broken.map((target) => ({
      ...rejectedShape(shape),
      subject: id,
      constraint: target.name,
      allowed: target.allowedMs,
      reached: reachedMs(target, predictions),
      unit: "ms",
    }));
  }
  const carried = ({ load: { saturationPerSecond }, share }: PoolSide) =>
    share > 0 ? (60 * mostReplicas * saturationPerSecond) / share : Number.POSITIVE_INFINITY;
  const allowed = Math.min(carried(prefill), carried(decode), load.requestsPerMinute);
  const reached = 60 * demand.requestsPerSecond;
  return [
    { ...rejectedShape(shape), subject: id, constraint: "load", allowed, reached, unit: "requests/min" },
  ];
}

function withoutSize({ id }: GroupDemand): Rejection {
  return {
    accelerator: "",
    gpusPerReplica: 0,
    subject: id,
    constraint: "keyValues",
    allowed: 0,
    reached: 1,
    unit: "profile",
  };
}
