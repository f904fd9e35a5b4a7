// Sizes random workloads and simulates one replica of each: do the chosen replicas hold the targets, and does one replica
// less break them? Prints shares; nothing is asserted.
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import { candidatesOf } from "../../optimizer/sizing/candidates.ts";
import { reachedMs, sloTargetsOf } from "../../optimizer/sizing/slo-targets.ts";
import { exponential, seededRandom, type Random } from "../../optimizer/simulation/random.ts";
import { simulate, type SimulationSummary } from "../../optimizer/simulation/simulate.ts";
import type { GroupDemand, Slo, Workload } from "../../optimizer/workload.ts";

const cases = Number(process.argv[2] ?? 200);
const requests = Number(process.argv[3] ?? 40_000);
const seed = Number(process.argv[4] ?? 1);

interface Case {
  readonly group: GroupDemand;
  readonly workload: Workload;
  readonly profile: PerformanceProfile;
}

let sized = 0;
let held = 0;
let few = 0;
let fewerBreaks = 0;
const misses: string[] = [];
for (let index = 0; sized < cases; index++) {
  const one = randomCase(seededRandom(seed, `allocation ${index}`), index);
  const { candidates } = candidatesOf(one.group, {
    accelerators: [
      { name: "A", memoryGiB: 80, memoryBandwidthGBps: 2000, dense16BitTflops: 300, source: "bench" },
    ],
    instanceTypes: [
      {
        name: "a.1",
        accelerator: "A",
        gpuCount: 1,
        vcpuCount: 16,
        memoryGiB: 64,
        maxPodCount: 58,
        usdPerHour: 1,
      },
    ],
    reservation: { daemonCpuMillis: 0, daemonMemoryMiB: 0, daemonPodCount: 0 },
  });
  const chosen = candidates[0];
  if (chosen === undefined) continue;
  sized++;
  const excess = worstExcess(one, chosen.replicas);
  if (excess <= 1) held++;
  else
    misses.push(
      `${one.workload.id}: ${chosen.replicas} replicas at ${percent(chosen.utilisation, 1)}, ${excess.toFixed(3)} of a target; ${described(one)}`,
    );
  if (chosen.replicas < 2 || chosen.replicas > 5) continue;
  few++;
  if (worstExcess(one, chosen.replicas - 1) > 1) fewerBreaks++;
}
console.log(`${sized} random workloads, ${requests} simulated requests each, seed ${seed}`);
console.log(`the chosen replicas hold every target: ${percent(held, sized)}   target: 98 %`);
console.log(
  `one replica less breaks one, of ${few} allocations of 2 to 5: ${percent(fewerBreaks, few)}   target: 85 %`,
);
for (const miss of misses) console.log(`  missed ${miss}`);

/** The largest ratio of a simulated time to its target, over the targets; infinite above saturation. */
function worstExcess({ workload, profile }: Case, replicas: number): number {
  const { requestsPerMinute, inputTokens, outputTokens } = workload.load;
  const { summary } = simulate({
    engine: { parameters: profile, maxBatchSize: profile.maxBatchSize, maxBatchedTokens: 8192 },
    load: {
      kind: "poisson",
      ratePerSecond: requestsPerMinute / 60 / replicas,
      promptTokens: { kind: "fixed", tokens: inputTokens },
      outputTokens: { kind: "geometric", meanTokens: outputTokens },
      requests,
      random: seededRandom(seed, `${workload.id} ${replicas}`),
    },
  });
  if (summary.utilisation >= 1) return Number.POSITIVE_INFINITY;
  const predictions = [predictionOf(workload.id, summary)];
  return Math.max(
    ...sloTargetsOf([workload]).map((target) => reachedMs(target, predictions) / target.allowedMs),
  );
}

function predictionOf(id: string, { ttftMillis, itlMillis, latencyMillis }: SimulationSummary) {
  const times = ({ mean, p95 }: { readonly mean: number; readonly p95: number }) => ({
    meanMs: mean,
    p95Ms: p95,
    p99Ms: p95,
  });
  return { workload: id, ttft: times(ttftMillis), itl: times(itlMillis), latency: times(latencyMillis) };
}

function randomCase(random: Random, index: number): Case {
  const log = (low: number, high: number) => low * (high / low) ** random();
  const whole = (low: number, high: number) => Math.round(log(low, high));
  const profile: PerformanceProfile = {
    model: "m",
    accelerator: "A",
    gpusPerReplica: 1,
    maxBatchSize: whole(4, 256),
    alphaMs: log(3, 40),
    betaMs: log(0.02, 0.8),
    gammaMs: log(1, 40),
    deltaMs: log(0.005, 0.15),
    weightsGiB: 10,
    origin: { kind: "given", source: "bench", uncertaintyFraction: 0 },
  };
  const inputTokens = whole(32, 6_000);
  const outputTokens = whole(8, 800);
  const ttftAloneMs = profile.gammaMs + profile.deltaMs * inputTokens;
  const itlAloneMs = profile.alphaMs + profile.betaMs;
  const slack = () => 1.15 + exponential(random, 2.5);
  const slo: Slo = [
    { ttftMeanMs: ttftAloneMs * 1.5 * slack() },
    { ttftP95Ms: ttftAloneMs * 2 * slack(), itlMeanMs: itlAloneMs * slack() },
    { ttftMeanMs: ttftAloneMs * 1.5 * slack(), itlMeanMs: itlAloneMs * slack() },
    { ttftP95Ms: ttftAloneMs * 2 * slack(), itlP95Ms: itlAloneMs * 1.2 * slack() },
  ][index % 4] as Slo;
  const aloneMs = ttftAloneMs + (outputTokens - 1) * itlAloneMs;
  const workload: Workload = {
    id: `w${index}`,
    model: "m",
    priority: 1,
    slo,
    load: { requestsPerMinute: (60_000 / aloneMs) * log(0.5, 40), inputTokens, outputTokens },
  };
  return {
    profile,
    workload,
    group: {
      id: workload.id,
      task: "generation",
      workloads: [workload],
      profiles: [profile],
      excluded: [],
      minReplicas: 0,
      resources: () => ({ cpuMillis: 1000, memoryMiB: 1024 }),
    },
  };
}

function percent(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(1)} %`;
}

function described({ workload: { slo, load }, profile }: Case): string {
  const { alphaMs, betaMs, gammaMs, deltaMs, maxBatchSize } = profile;
  const short = (values: object) =>
    JSON.stringify(values, (_, value: unknown) =>
      typeof value === "number" ? Number(value.toPrecision(4)) : value,
    );
  return short({ slo, ...load, alphaMs, betaMs, gammaMs, deltaMs, maxBatchSize });
}
