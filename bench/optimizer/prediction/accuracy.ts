// Prints how far the analytic predictions of continuous batching are from the iteration-level simulation, by stratum of
// random cases, what a prediction costs, and how smooth it is. Nothing is asserted: figures are read by people.
//
//   node bench/optimizer/prediction/accuracy.ts [--seed 2] [--cases 40] [--requests 250000]
//
// SIMULATION_CACHE names a folder that keeps what was simulated.
import { parseArgs } from "node:util";
import {
  prepareGeneration,
  predictGeneration,
} from "../../../optimizer/models/continuous-batching/predict.ts";
import type { GenerationReplica } from "../../../optimizer/models/generation-prediction.ts";
import { randomCase, stratumNames, type PredictionCase } from "./cases.ts";
import { referenceOf, type Reference } from "./reference.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "2" },
    cases: { type: "string", default: "40" },
    requests: { type: "string", default: "250000" },
  },
});

/** Half-widths of the simulation's 95 % intervals beyond which a case says nothing about a mean, or a percentile. */
const leastKnown = { mean: 0.03, percentile: 0.06 };

const metrics = [
  "ttft mean",
  "ttft p50",
  "ttft p95",
  "ttft p99",
  "itl mean",
  "itl p95",
  "latency mean",
  "latency p95",
  "saturation",
] as const;
type Metric = (typeof metrics)[number];

const errors = new Map<string, Map<Metric, number[]>>();
let unknown = 0;
const simulatedCases: (readonly [PredictionCase, Reference])[] = [];
for (const stratum of stratumNames) {
  for (let index = 0; index < Number(values.cases); index++) {
    const item = randomCase(stratum, Number(values.seed), index);
    const reference = referenceOf(item, Number(values.requests));
    if (reference === undefined) unknown++;
    else simulatedCases.push([item, reference]);
  }
}
for (const [item, reference] of simulatedCases) {
  for (const [metric, error] of errorsOf(item.replica, reference)) {
    for (const group of [item.stratum, "all"]) {
      const ofGroup = errors.get(group) ?? new Map<Metric, number[]>();
      errors.set(group, ofGroup);
      ofGroup.set(metric, [...(ofGroup.get(metric) ?? []), error]);
    }
  }
}

console.log(
  `p50 / p90 / max of the relative error in %, of cases known within ${100 * leastKnown.mean} %, and their number`,
);
console.log("".padEnd(10), ...metrics.map((metric) => metric.padStart(24)));
for (const [group, ofGroup] of [...errors].toSorted(([left], [right]) => rank(left) - rank(right))) {
  console.log(group.padEnd(10), ...metrics.map((metric) => summary(ofGroup.get(metric) ?? []).padStart(24)));
}
console.log(`${unknown} cases left out: their simulation was cut off`);
console.log(
  `CPU of a prediction: ${cpuMicros().toFixed(0)} us; of one of 20 rates of a prepared replica: ${preparedCpuMicros().toFixed(0)} us`,
);
console.log(`largest change of the mean TTFT for 0.001 % more alpha: ${(100 * roughness()).toFixed(4)} %`);

function rank(group: string): number {
  return group === "all" ? stratumNames.length : stratumNames.indexOf(group);
}

function errorsOf(
  replica: GenerationReplica,
  { ratePerSecond, saturationPerSecond, overall }: Reference,
): readonly (readonly [Metric, number])[] {
  const prediction = predictGeneration(replica, ratePerSecond);
  const { ttftMs, itlMs, latencyMs } = prediction.overall;
  const found: (readonly [Metric, number])[] = [];
  const add = (metric: Metric, predicted: number, simulated: number): void => {
    if (simulated > 0) found.push([metric, Math.abs(predicted - simulated) / simulated]);
  };
  add("saturation", prediction.saturationPerSecond, saturationPerSecond);
  if (overall.ttftMeanHw <= leastKnown.mean * overall.ttftMean) {
    add("ttft mean", ttftMs.mean, overall.ttftMean);
    add("ttft p50", ttftMs.p50, overall.ttftP50);
    add("itl mean", itlMs.mean, overall.itlMean);
    add("itl p95", itlMs.p95, overall.itlP95);
    add("latency mean", latencyMs.mean, overall.latencyMean);
    add("latency p95", latencyMs.p95, overall.latencyP95);
  }
  if (overall.ttftP95Hw <= leastKnown.percentile * overall.ttftP95) {
    add("ttft p95", ttftMs.p95, overall.ttftP95);
    add("ttft p99", ttftMs.p99, overall.ttftP99);
  }
  return found;
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): string =>
    (100 * (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN)).toFixed(1);
  return `${at(0.5)} / ${at(0.9)} / ${at(1)} (${sorted.length})`;
}

function cpuMicros(): number {
  const work = (): void => {
    for (const [{ replica }, { ratePerSecond }] of simulatedCases) predictGeneration(replica, ratePerSecond);
  };
  return microsOf(work) / simulatedCases.length;
}

function preparedCpuMicros(): number {
  const rates = 20;
  const work = (): void => {
    for (const [{ replica }, { ratePerSecond }] of simulatedCases) {
      const prepared = prepareGeneration(replica);
      for (let rate = 1; rate <= rates; rate++) prepared.predict((ratePerSecond * rate) / rates);
    }
  };
  return microsOf(work) / simulatedCases.length / rates;
}

function microsOf(work: () => void): number {
  work();
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function roughness(): number {
  let largest = 0;
  for (const [{ replica }, { ratePerSecond }] of simulatedCases) {
    const { parameters } = replica;
    const changed = { ...replica, parameters: { ...parameters, alphaMs: parameters.alphaMs * 1.00001 } };
    const before = predictGeneration(replica, ratePerSecond).overall.ttftMs.mean;
    const after = predictGeneration(changed, ratePerSecond).overall.ttftMs.mean;
    if (before < Number.POSITIVE_INFINITY) largest = Math.max(largest, Math.abs(after - before) / before);
  }
  return largest;
}
