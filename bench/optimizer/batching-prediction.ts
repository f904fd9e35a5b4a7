// Prints how far the predictions of dynamic batching are from its simulation, by stratum of random cases at 5 to 85 % of
// saturation, and what a prediction costs. Nothing is asserted: figures are read by people.
//
//   node bench/optimizer/batching-prediction.ts [CASES 40] [REQUESTS 100000] [SEED 1]
import { certain } from "../../optimizer/certain.ts";
import {
  batchingSaturationPerSecond,
  predictBatching,
  type BatchingReplica,
  type BatchingTimes,
} from "../../optimizer/models/dynamic-batching/predict.ts";
import { runBatching, type InferenceArrival } from "../../optimizer/simulation/batching-run.ts";
import { exponential, seededRandom, type Random } from "../../optimizer/simulation/random.ts";
import { timeStatistics, type TimeStatistics } from "../../optimizer/simulation/sample-statistics.ts";

const cases = Number(process.argv[2] ?? 40);
const requests = Number(process.argv[3] ?? 100_000);
const seed = Number(process.argv[4] ?? 1);

/** Half-widths of the simulation's 95 % intervals beyond which it does not know a mean, or a percentile. */
const leastKnown = { mean: 0.04, percentile: 0.08 };
/** Requests of one model that tell its percentiles. */
const leastRequests = 2_000;

interface Stratum {
  readonly name: string;
  readonly instances: (random: Random) => number;
  readonly models: (random: Random) => number;
  readonly delayed: boolean;
}

const one = (): number => 1;
const twoToFour = (random: Random): number => whole(random, 2, 4);
const twoToSix = (random: Random): number => whole(random, 2, 6);
const strata: readonly Stratum[] = [
  { name: "single", instances: one, models: one, delayed: false },
  { name: "single, delay", instances: one, models: one, delayed: true },
  { name: "instances", instances: twoToFour, models: one, delayed: false },
  { name: "instances, delay", instances: twoToFour, models: one, delayed: true },
  { name: "models", instances: one, models: twoToSix, delayed: false },
  { name: "models, delay", instances: one, models: twoToSix, delayed: true },
  { name: "both", instances: twoToFour, models: twoToSix, delayed: false },
  { name: "both, delay", instances: twoToFour, models: twoToSix, delayed: true },
];

const metrics = ["mean", "p50", "p95", "p99", "queue mean", "batch size"] as const;
type Metric = (typeof metrics)[number];
type Errors = Map<Metric, number[]>;

const errorsOfAll: Errors = new Map();
console.log(`${cases} cases a stratum, ${requests} simulated requests each, seed ${seed}`);
console.log(
  `p50 / p90 / max of the relative error in %, by model, and of how many models the time is known within ${100 * leastKnown.mean} % (percentiles ${100 * leastKnown.percentile} %); ` +
    "of queue times relative to the latency",
);
console.log("".padEnd(17), ...metrics.map((metric) => metric.padStart(24)), "us CPU".padStart(8));
for (const stratum of strata) {
  const errors: Errors = new Map();
  const replicas: (readonly [BatchingReplica, number])[] = [];
  for (let index = 0; index < cases; index++) {
    const random = seededRandom(seed, `${stratum.name} ${index}`);
    const replica = randomReplica(stratum, random);
    const ratePerSecond = (0.05 + 0.8 * random()) * batchingSaturationPerSecond(replica);
    replicas.push([replica, ratePerSecond]);
    const prediction = predictBatching(replica, ratePerSecond);
    for (const [model, simulated] of simulate(replica, ratePerSecond, random).entries())
      compare(errors, certain(prediction.traffic[model]), simulated);
  }
  print(stratum.name, errors, cpuMicros(replicas));
  for (const [metric, values] of errors)
    errorsOfAll.set(metric, [...(errorsOfAll.get(metric) ?? []), ...values]);
}
print("all", errorsOfAll, Number.NaN);

function randomReplica({ instances, models, delayed }: Stratum, random: Random): BatchingReplica {
  const count = models(random);
  const weights = Array.from({ length: count }, () => 0.05 + random());
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    instances: instances(random),
    maxQueueDelayMs: delayed ? 20 * random() : 0,
    traffic: weights.map((weight) => ({
      share: weight / all,
      baseMs: spread(random, 0.2, 50),
      perRequestMs: spread(random, 0.01, 20),
      // Every second one is small: that is where queues are long.
      maxBatchSize: 1 + Math.floor(64 * random() ** (random() < 0.5 ? 3 : 1)),
    })),
  };
}

function whole(random: Random, from: number, to: number): number {
  return from + Math.floor((to - from + 1) * random());
}

function spread(random: Random, from: number, to: number): number {
  return from * (to / from) ** random();
}

interface Simulated {
  readonly latency: TimeStatistics;
  readonly queueMs: number;
  readonly meanBatchSize: number;
  readonly requests: number;
}

function simulate(replica: BatchingReplica, ratePerSecond: number, random: Random): readonly Simulated[] {
  const { instances, maxQueueDelayMs, traffic } = replica;
  const models: number[] = [];
  const measured = { first: Math.ceil(requests / 10), count: requests };
  const engine = {
    maxBatchSize: Math.max(...traffic.map(({ maxBatchSize }) => maxBatchSize)),
    maxQueueDelayMillis: maxQueueDelayMs,
    instances,
    // Refusals are not modelled: nothing is refused.
    maxWaiting: Number.POSITIVE_INFINITY,
  };
  const run = runBatching(engine, arrivals(), measured, 1e9);
  return traffic.map((_, model) => {
    const latencies: number[] = [];
    let queueMs = 0;
    const starts = new Set<number>();
    for (let id = measured.first; id < measured.first + measured.count; id++) {
      const { arrivalMillis, startMillis, endMillis } = certain(run.requests[id]);
      if (models[id] !== model) continue;
      latencies.push(endMillis - arrivalMillis);
      queueMs += startMillis - arrivalMillis;
      starts.add(startMillis);
    }
    return {
      latency: timeStatistics(latencies),
      queueMs: queueMs / latencies.length,
      // Two batches of a model hardly ever start at once.
      meanBatchSize: latencies.length / starts.size,
      requests: latencies.length,
    };
  });

  function* arrivals(): Generator<InferenceArrival, never> {
    for (let arrivalMillis = 0; ;) {
      arrivalMillis += exponential(random, 1000 / ratePerSecond);
      let chosen = random();
      let model = 0;
      while (model < traffic.length - 1 && chosen >= certain(traffic[model]).share)
        chosen -= certain(traffic[model++]).share;
      models.push(model);
      const { baseMs, perRequestMs, maxBatchSize } = certain(traffic[model]);
      const parameters = { gammaMs: baseMs, deltaMs: perRequestMs };
      yield { arrivalMillis, batchKey: `model-${model}`, items: 1, maxBatchSize, parameters };
    }
  }
}

function compare(errors: Errors, predicted: BatchingTimes, simulated: Simulated): void {
  const { latency } = simulated;
  if (simulated.requests < leastRequests) return;
  const add = (metric: Metric, error: number): void => {
    errors.set(metric, [...(errors.get(metric) ?? []), Math.abs(error)]);
  };
  if (latency.meanHalfWidth <= leastKnown.mean * latency.mean) {
    add("mean", predicted.latencyMs.mean / latency.mean - 1);
    add("p50", predicted.latencyMs.p50 / latency.p50 - 1);
    add("queue mean", (predicted.queueMs.mean - simulated.queueMs) / latency.mean);
    add("batch size", predicted.meanBatchSize / simulated.meanBatchSize - 1);
  }
  if (latency.p95HalfWidth <= leastKnown.percentile * latency.p95) {
    add("p95", predicted.latencyMs.p95 / latency.p95 - 1);
    add("p99", predicted.latencyMs.p99 / latency.p99 - 1);
  }
}

/** Of one prediction, warm, over the cases of a stratum. */
function cpuMicros(replicas: readonly (readonly [BatchingReplica, number])[]): number {
  const passes = 3;
  const pass = (): void => {
    for (const [replica, ratePerSecond] of replicas) predictBatching(replica, ratePerSecond);
  };
  pass();
  const before = process.cpuUsage();
  for (let index = 0; index < passes; index++) pass();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / passes / replicas.length;
}

function print(name: string, errors: Errors, micros: number): void {
  const columns = metrics.map((metric) => summary(errors.get(metric) ?? []).padStart(24));
  console.log(name.padEnd(17), ...columns, (Number.isNaN(micros) ? "" : micros.toFixed(0)).padStart(8));
}

function summary(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (100 * (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN)).toFixed(1);
  return `${at(0.5)} / ${at(0.9)} / ${at(1)} (${sorted.length})`;
}
