/**
 * Prefill and decode on replicas of their own: one pool reads prompts and gives the first token, the keys and values go
 * over the network, the other pool generates the rest. Neither delays the other, and each runs where it is cheapest.
 *
 * Both pools are the continuous-batching model with a half of the work left out. A prefill replica serves requests of
 * one output token. A decode replica serves what follows: of geometric lengths with mean K a share of 1 - 1/K goes on,
 * and what is left of those is again geometric with mean K; of a fixed length K - 1 tokens are left. Joining it takes an
 * iteration of its own, as reading a prompt would, but costs no time: on a busy replica that errs upwards by one
 * iteration a request. Arrivals at the second pool are taken as Poisson, which many replicas before it come close to.
 */
import type { LatencyPrediction } from "../allocation.ts";
import { fewest, mostReplicas } from "./fewest.ts";
import type { Pool, PoolShape } from "./pool-load.ts";
import { PoolSide } from "./pool-side.ts";
import type { DisaggregatedDemand, PoolTimes } from "./pool-side.ts";
import { brokenTargets, sloTargetsOf } from "./slo-targets.ts";

export type { DisaggregatedDemand } from "./pool-side.ts";

/** Two pools and what requests meet on their way through both. Percentiles of the whole request err upwards. */
export interface DisaggregatedSize extends PoolTimes {
  readonly prefill: Pool;
  /** Without replicas where every request has one token. */
  readonly decode: Pool;
  readonly usdPerHour: number;
}

/** Replicas of both pools that hold every target together. */
export interface PairCounts {
  readonly prefill: number;
  readonly decode: number;
  readonly usdPerHour: number;
}

/**
 * The cheapest two pools that hold every target together; undefined where none do. The time to first token depends on
 * the first pool only and the time between tokens on the second, and both fall with every replica more. Where a target
 * limits the whole request, more of one may save some of the other: every count of the first is tried until it leaves
 * nothing to save.
 */
export function sizeDisaggregated(
  demand: DisaggregatedDemand,
  prefillShapes: readonly PoolShape[],
  decodeShapes: readonly PoolShape[],
): DisaggregatedSize | undefined {
  const prefills = prefillShapes.map((shape) => PoolSide.prefill(demand, shape));
  const decodes = decodeShapes.map((shape) => PoolSide.decode(demand, shape));
  let best: (PairCounts & { readonly pools: readonly [PoolSide, PoolSide] }) | undefined;
  for (const prefill of prefills) {
    for (const decode of decodes) {
      const counts = cheapestCounts(demand, prefill, decode, best?.usdPerHour);
      if (counts) best = { ...counts, pools: [prefill, decode] };
    }
  }
  if (!best) return undefined;
  const [prefill, decode] = best.pools;
  return {
    prefill: prefill.load.pool(best.prefill),
    decode: decode.load.pool(best.decode),
    ...added(prefill.times(best.prefill), decode.times(best.decode)),
    usdPerHour: best.usdPerHour,
  };
}

/** The cheapest counts of the two pools; undefined where they cost as much as the bound, or no counts hold the targets. */
export function cheapestCounts(
  demand: DisaggregatedDemand,
  prefill: PoolSide,
  decode: PoolSide,
  boundUsdPerHour: number = Number.POSITIVE_INFINITY,
): PairCounts | undefined {
  const usdPerHour = (prefillCount: number, decodeCount: number) =>
    prefillCount * prefill.load.shape.usdPerReplicaHour + decodeCount * decode.load.shape.usdPerReplicaHour;
  if (prefill.fewest === undefined || decode.fewest === undefined) return undefined;
  if (usdPerHour(prefill.fewest, decode.fewest) >= boundUsdPerHour) return undefined;

  const holdTogether = latencyHolds(demand, prefill, decode);
  const unshared = Number.POSITIVE_INFINITY;
  const fewestDecode = fewest((count) => holdTogether(unshared, count), decode.fewest);
  const fewestPrefill = fewest((count) => holdTogether(count, unshared), prefill.fewest);
  if (fewestDecode === undefined || fewestPrefill === undefined) return undefined;
  let best: PairCounts | undefined;
  let bestUsdPerHour = boundUsdPerHour;
  for (let count = fewestPrefill; count <= mostReplicas; count++) {
    if (usdPerHour(count, fewestDecode) >= bestUsdPerHour) break;
    const decodeCount = fewest((other) => holdTogether(count, other), fewestDecode);
    if (decodeCount === undefined) continue;
    if (usdPerHour(count, decodeCount) < bestUsdPerHour) {
      bestUsdPerHour = usdPerHour(count, decodeCount);
      best = { prefill: count, decode: decodeCount, usdPerHour: bestUsdPerHour };
    }
    if (decodeCount === fewestDecode) break;
  }
  return best;
}

/** Whether so many replicas of both pools hold the targets on the whole request; each pool holds its own already. */
function latencyHolds(
  { slo }: DisaggregatedDemand,
  prefill: PoolSide,
  decode: PoolSide,
): (prefillCount: number, decodeCount: number) => boolean {
  const targets = sloTargetsOf([{ id: "", slo }]).filter(({ name }) => name.startsWith("latency"));
  if (targets.length === 0) return () => true;
  const alone = added(prefill.times(Number.POSITIVE_INFINITY), decode.times(Number.POSITIVE_INFINITY));
  const planned = prefill.planned(targets, alone);
  return (prefillCount, decodeCount) => {
    const times = added(prefill.plannedTimes(prefillCount), decode.plannedTimes(decodeCount));
    return brokenTargets(planned, [{ workload: "", ...times }]).length === 0;
  };
}

/** What requests meet in both pools, one after the other. */
export function added(prefill: PoolTimes, decode: PoolTimes): PoolTimes {
  const both = (a: LatencyPrediction, b: LatencyPrediction): LatencyPrediction => ({
    meanMs: a.meanMs + b.meanMs,
    p95Ms: a.p95Ms + b.p95Ms,
    p99Ms: a.p99Ms + b.p99Ms,
  });
  return {
    ttft: both(prefill.ttft, decode.ttft),
    itl: both(prefill.itl, decode.itl),
    latency: both(prefill.latency, decode.latency),
  };
}
