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
import type { GenerationTraffic } from "../models/generation-prediction.ts";
import type { Slo } from "../workload.ts";
import { PoolLoad } from "./pool-load.ts";
import type { Pool, PoolShape } from "./pool-load.ts";

export interface DisaggregatedDemand {
  /** Above 0. */
  readonly requestsPerSecond: number;
  readonly traffic: Omit<GenerationTraffic, "share">;
  readonly slo: Slo;
  /** Until the keys and values of a prompt are where they are needed; counted in the time to first token. */
  readonly transferMs: number;
}

/** Two pools and what requests meet on their way through both. Percentiles of the whole request err upwards. */
export interface DisaggregatedSize {
  readonly prefill: Pool;
  /** Without replicas where every request has one token. */
  readonly decode: Pool;
  readonly ttft: LatencyPrediction;
  readonly itl: LatencyPrediction;
  readonly latency: LatencyPrediction;
  readonly usdPerHour: number;
}

/** More replicas than this are a mistyped load or target. */
const mostReplicas = 10_000;

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
  const prefills = prefillShapes.map((shape) => prefillLoad(demand, shape));
  const decodes = decodeShapes.map((shape) => decodeLoad(demand, shape));
  let best: DisaggregatedSize | undefined;
  for (const prefill of prefills) {
    for (const decode of decodes) {
      const size = cheapestOf(new TwoPools(demand, prefill, decode), best?.usdPerHour);
      if (size && (!best || size.usdPerHour < best.usdPerHour)) best = size;
    }
  }
  return best;
}

function prefillLoad({ requestsPerSecond, traffic }: DisaggregatedDemand, shape: PoolShape): PoolLoad {
  const reading = { ...traffic, share: 1, outputTokens: 1, outputDistribution: "fixed" } as const;
  return new PoolLoad(shape, requestsPerSecond, reading);
}

function decodeLoad({ requestsPerSecond, traffic }: DisaggregatedDemand, shape: PoolShape): PoolLoad {
  const { share, tokens } = decodedPart(traffic);
  const readingNothing = { ...shape.parameters, gammaMs: 0, deltaMs: 0 };
  return new PoolLoad({ ...shape, parameters: readingNothing }, requestsPerSecond * share, {
    share: 1,
    inputTokens: 1,
    outputTokens: tokens + 1,
    outputDistribution: traffic.outputDistribution,
  });
}

/** Share of the requests that go on after their first token, and the tokens that those still need on average. */
function decodedPart({ outputTokens, outputDistribution }: DisaggregatedDemand["traffic"]): {
  readonly share: number;
  readonly tokens: number;
} {
  if (outputTokens <= 1) return { share: 0, tokens: 0 };
  return outputDistribution === "geometric"
    ? { share: 1 - 1 / outputTokens, tokens: outputTokens }
    : { share: 1, tokens: outputTokens - 1 };
}

function cheapestOf(
  pools: TwoPools,
  boundUsdPerHour = Number.POSITIVE_INFINITY,
): DisaggregatedSize | undefined {
  const fewestDecode = fewest((decode) => pools.holds(Number.POSITIVE_INFINITY, decode));
  const fewestPrefill = fewest((prefill) => pools.holds(prefill, Number.POSITIVE_INFINITY));
  if (fewestDecode === undefined || fewestPrefill === undefined) return undefined;
  let best: DisaggregatedSize | undefined;
  let bestUsdPerHour = boundUsdPerHour;
  for (let prefill = fewestPrefill; prefill <= mostReplicas; prefill++) {
    if (pools.usdPerHour(prefill, fewestDecode) >= bestUsdPerHour) break;
    const decode = fewest((count) => pools.holds(prefill, count), fewestDecode);
    if (decode === undefined) continue;
    const usdPerHour = pools.usdPerHour(prefill, decode);
    if (usdPerHour < bestUsdPerHour) {
      best = pools.size(prefill, decode);
      bestUsdPerHour = usdPerHour;
    }
    if (decode === fewestDecode) break;
  }
  return best;
}

/** The least count from `from` on for which it holds, where it holds for all larger ones too. */
function fewest(holds: (count: number) => boolean, from = 0): number | undefined {
  if (holds(from)) return from;
  let tooFew = from;
  let enough = Math.max(2 * from, 1);
  while (!holds(enough)) {
    if (enough >= mostReplicas) return undefined;
    tooFew = enough;
    enough *= 2;
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (holds(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

/** The two halves of a demand on two kinds of replicas; a count of infinity stands for replicas that nobody shares. */
class TwoPools {
  readonly #demand: DisaggregatedDemand;
  readonly #prefill: PoolLoad;
  readonly #decode: PoolLoad;

  constructor(demand: DisaggregatedDemand, prefill: PoolLoad, decode: PoolLoad) {
    this.#demand = demand;
    this.#prefill = prefill;
    this.#decode = decode;
  }

  holds(prefillCount: number, decodeCount: number): boolean {
    if (!this.#prefill.carries(prefillCount) || !this.#decode.carries(decodeCount)) return false;
    const { ttft, itl, latency } = this.times(prefillCount, decodeCount);
    const { slo } = this.#demand;
    return (
      ttft.meanMs <= (slo.ttftMeanMs ?? Number.POSITIVE_INFINITY) &&
      ttft.p95Ms <= (slo.ttftP95Ms ?? Number.POSITIVE_INFINITY) &&
      itl.meanMs <= (slo.itlMeanMs ?? Number.POSITIVE_INFINITY) &&
      itl.p95Ms <= (slo.itlP95Ms ?? Number.POSITIVE_INFINITY) &&
      latency.meanMs <= (slo.latencyMeanMs ?? Number.POSITIVE_INFINITY) &&
      latency.p95Ms <= (slo.latencyP95Ms ?? Number.POSITIVE_INFINITY)
    );
  }

  usdPerHour(prefillCount: number, decodeCount: number): number {
    return (
      prefillCount * this.#prefill.shape.usdPerReplicaHour +
      decodeCount * this.#decode.shape.usdPerReplicaHour
    );
  }

  size(prefillCount: number, decodeCount: number): DisaggregatedSize {
    return {
      prefill: this.#prefill.pool(prefillCount),
      decode: this.#decode.pool(decodeCount),
      ...this.times(prefillCount, decodeCount),
      usdPerHour: this.usdPerHour(prefillCount, decodeCount),
    };
  }

  times(prefillCount: number, decodeCount: number): Pick<DisaggregatedSize, "ttft" | "itl" | "latency"> {
    const { transferMs, traffic } = this.#demand;
    const { share, tokens } = decodedPart(traffic);
    const read = this.#prefill.prediction(prefillCount).overall.ttftMs;
    const ttft = {
      meanMs: read.mean + transferMs,
      p95Ms: read.p95 + transferMs,
      p99Ms: read.p99 + transferMs,
    };
    if (share === 0) return { ttft, itl: { meanMs: 0, p95Ms: 0, p99Ms: 0 }, latency: ttft };
    const rest = this.#decode.prediction(decodeCount).overall;
    // The first gap holds the wait for a slot; it counts as one of as many gaps as there are tokens left.
    const joinMs = rest.ttftMs.mean;
    const gap = (itlMs: number) => joinMs / tokens + itlMs;
    return {
      ttft,
      itl: { meanMs: gap(rest.itlMs.mean), p95Ms: gap(rest.itlMs.p95), p99Ms: gap(rest.itlMs.p99) },
      latency: {
        meanMs: ttft.meanMs + share * rest.latencyMs.mean,
        p95Ms: ttft.p95Ms + rest.latencyMs.p95,
        p99Ms: ttft.p99Ms + rest.latencyMs.p99,
      },
    };
  }
}
