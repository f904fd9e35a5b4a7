import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { certain } from "../../../optimizer/certain.ts";
import type {
  GenerationReplica,
  GenerationTraffic,
} from "../../../optimizer/models/generation-prediction.ts";
import { sampleTokens, type GenerationArrival } from "../../../optimizer/simulation/arrivals.ts";
import { exponential, seededRandom, type Random } from "../../../optimizer/simulation/random.ts";
import { saturatedGenerationPerSecond } from "../../../optimizer/simulation/saturation.ts";
import { halfWidth, quantile } from "../../../optimizer/simulation/sample-statistics.ts";
import { simulate } from "../../../optimizer/simulation/simulate.ts";
import type { PredictionCase } from "./cases.ts";

/** The simulated times of one kind of request, in ms, by metric; `hw` is the half-width of a mean or p95. */
export type ReferenceTimes = Readonly<Record<ReferenceMetric, number>>;
export type ReferenceMetric =
  | "ttftMean"
  | "ttftMeanHw"
  | "ttftP50"
  | "ttftP95"
  | "ttftP95Hw"
  | "ttftP99"
  | "itlMean"
  | "itlMeanHw"
  | "itlP95"
  | "itlP99"
  | "latencyMean"
  | "latencyP95"
  | "latencyP99";

export interface Reference {
  readonly saturationPerSecond: number;
  readonly ratePerSecond: number;
  readonly overall: ReferenceTimes;
  readonly traffic: readonly ReferenceTimes[];
}

const maxIterations = 60_000_000;

/** Simulates the case, or reads what an earlier run left in the folder `SIMULATION_CACHE`. */
export function referenceOf(item: PredictionCase, requests: number): Reference | undefined {
  const folder = process.env.SIMULATION_CACHE;
  if (folder === undefined) return simulated(item, requests);
  mkdirSync(folder, { recursive: true });
  const key = createHash("sha256")
    .update(JSON.stringify([item, requests]))
    .digest("hex");
  const file = path.join(folder, `${key.slice(0, 24)}.json`);
  if (existsSync(file))
    return (JSON.parse(readFileSync(file, "utf8")) as { readonly reference?: Reference }).reference;
  const reference = simulated(item, requests);
  writeFileSync(file, JSON.stringify({ reference }));
  return reference;
}

/** Nothing where the run was cut off. */
function simulated({ id, replica, utilisation }: PredictionCase, requests: number): Reference | undefined {
  const engine = {
    parameters: replica.parameters,
    maxBatchSize: replica.maxBatchSize,
    maxBatchedTokens: replica.maxBatchedTokens,
    maxWaiting: 1_000_000,
  };
  const saturationRandom = seededRandom(1, `${id} saturation`);
  const saturationPerSecond = saturatedGenerationPerSecond(
    engine,
    () => workOf(replica, saturationRandom).work,
    maxIterations,
  );
  const ratePerSecond = utilisation * saturationPerSecond;
  const random = seededRandom(1, `${id} arrivals`);
  const kinds: number[] = [];
  const arrivals: GenerationArrival[] = [];
  for (let atMillis = 0; arrivals.length < 1.1 * requests;) {
    atMillis += exponential(random, 1000 / ratePerSecond);
    const { kind, work } = workOf(replica, random);
    kinds.push(kind);
    arrivals.push({ arrivalMillis: atMillis, ...work });
  }
  const warmUpRequests = arrivals.length - requests;
  const { requests: outcomes, ended } = simulate({
    engine,
    load: { kind: "trace", arrivals, warmUpRequests },
    maxIterations,
  });
  if (ended !== "complete") return undefined;
  return {
    saturationPerSecond,
    ratePerSecond,
    overall: timesOf(outcomes),
    traffic: replica.traffic.map((_, kind) =>
      timesOf(outcomes.filter((_request, index) => kinds[warmUpRequests + index] === kind)),
    ),
  };
}

function workOf(
  { traffic }: GenerationReplica,
  random: Random,
): { readonly kind: number; readonly work: { promptTokens: number; outputTokens: number } } {
  let left = traffic.length === 1 ? 0 : random();
  let kind = 0;
  while (kind < traffic.length - 1 && left >= certain(traffic[kind]).share)
    left -= certain(traffic[kind++]).share;
  const { inputTokens, outputTokens, outputDistribution }: GenerationTraffic = certain(traffic[kind]);
  return {
    kind,
    work: {
      promptTokens: inputTokens,
      outputTokens:
        outputDistribution === "fixed"
          ? outputTokens
          : sampleTokens({ kind: "geometric", meanTokens: outputTokens }, random),
    },
  };
}

type Outcome = GenerationArrival & { readonly firstTokenMillis: number; readonly lastTokenMillis: number };

function timesOf(outcomes: readonly Outcome[]): ReferenceTimes {
  const ttft = outcomes.map(({ firstTokenMillis, arrivalMillis }) => firstTokenMillis - arrivalMillis);
  const latency = outcomes.map(({ lastTokenMillis, arrivalMillis }) => lastTokenMillis - arrivalMillis);
  const withGaps = outcomes.filter(({ outputTokens }) => outputTokens >= 2);
  const gaps = withGaps.map((request) => meanGap([request]));
  const share = (values: readonly number[], part: number): number =>
    quantile(Float64Array.from(values).sort(), part);
  return {
    ttftMean: mean(ttft),
    ttftMeanHw: halfWidth(ttft, mean),
    ttftP50: share(ttft, 0.5),
    ttftP95: share(ttft, 0.95),
    ttftP95Hw: halfWidth(ttft, (part) => share(part, 0.95)),
    ttftP99: share(ttft, 0.99),
    itlMean: withGaps.length === 0 ? 0 : meanGap(withGaps),
    itlMeanHw: withGaps.length === 0 ? 0 : halfWidth(withGaps, meanGap),
    itlP95: withGaps.length === 0 ? 0 : share(gaps, 0.95),
    itlP99: withGaps.length === 0 ? 0 : share(gaps, 0.99),
    latencyMean: mean(latency),
    latencyP95: share(latency, 0.95),
    latencyP99: share(latency, 0.99),
  };
}

function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function meanGap(requests: readonly Outcome[]): number {
  let millis = 0;
  let gaps = 0;
  for (const { firstTokenMillis, lastTokenMillis, outputTokens } of requests) {
    millis += lastTokenMillis - firstTokenMillis;
    gaps += outputTokens - 1;
  }
  return millis / gaps;
}
