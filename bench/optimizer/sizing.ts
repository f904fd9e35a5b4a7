// Prints what sizing Inferno systems costs in CPU time, next to the peer's recorded figures (llm-inferno/optimizer at
// 8a61a92, CPU ms on two shared cores: 1,000 and 10,000 servers with six accelerators). The systems
// are like the peer's and not the same, so that the ratios are rough.
import { allocate } from "../../optimizer/inferno/allocate.ts";
import { infernoModels } from "../../optimizer/inferno/batch-chain.ts";
import { sizeServers } from "../../optimizer/inferno/candidates.ts";
import type { InfernoSystem } from "../../optimizer/inferno/inferno-system.ts";

interface Row {
  readonly name: string;
  readonly system: InfernoSystem;
  readonly peerCpuMs: number;
}

const acceleratorCount = 6;
const modelCount = 9;
const runs = Number(process.env.BENCH_RUNS ?? 5);

const rows: readonly Row[] = [
  {
    name: "1,000 servers, batch 16, all of different lengths",
    system: systemOf(1000, 16, true),
    peerCpuMs: 975,
  },
  { name: "1,000 servers, batch 16, 36 lengths", system: systemOf(1000, 16, false), peerCpuMs: 975 },
  {
    name: "1,000 servers, scaled batches, different lengths",
    system: systemOf(1000, 0, true),
    peerCpuMs: 13_000,
  },
  { name: "1,000 servers, scaled batches, 36 lengths", system: systemOf(1000, 0, false), peerCpuMs: 13_000 },
  {
    name: "10,000 servers, batch 16, all of different lengths",
    system: systemOf(10_000, 16, true),
    peerCpuMs: 9_700,
  },
  { name: "10,000 servers, batch 16, 36 lengths", system: systemOf(10_000, 16, false), peerCpuMs: 9_700 },
];

console.log(
  `sizing on ${acceleratorCount} accelerators: CPU ms, first run and median of ${runs}, Node ${process.versions.node}`,
);
for (const { name, system, peerCpuMs } of rows) {
  const cpuMs = Array.from({ length: runs }, () =>
    cpuMsOf(() => sizeServers(system, { models: infernoModels() })),
  );
  const median = cpuMs.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
  console.log(
    `${name.padEnd(52)} ${ms(cpuMs[0] ?? Number.NaN)} ${ms(median)}   peer ${peerCpuMs}: ${ratio(peerCpuMs / median)} times as fast`,
  );
}

const { system } = rows[0] as Row;
const models = infernoModels();
const sized = sizeServers(system, { models });
const wholeMs = cpuMsOf(() => void allocate(system, sized, { models, objective: "value", timeLimitMs: 0 }));
console.log(
  `predicting the times of 1,000 chosen allocations and assembling the answer: ${ms(wholeMs)} CPU ms`,
);

function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system: kernel } = process.cpuUsage(before);
  return (user + kernel) / 1000;
}

function ms(value: number): string {
  return value.toFixed(1).padStart(7);
}

function ratio(value: number): string {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1);
}

/** Parameters, lengths and targets in the ranges of the peer's generated systems; the same in every run. */
function systemOf(serverCount: number, maxBatchSize: number, areLengthsDifferent: boolean): InfernoSystem {
  const random = sequence(serverCount);
  const accelerators = Array.from({ length: acceleratorCount }, (_, at) => ({
    name: `accelerator ${at}`,
    type: `type ${at}`,
    multiplicity: 1,
    cost: Math.round(20 + 200 * random()),
  }));
  const models = Array.from({ length: modelCount }, (_, of) => `model ${of}`).flatMap((model) =>
    accelerators.map(({ name }) => {
      const alphaMs = 5 * 10 ** random();
      return {
        model,
        accelerator: name,
        acceleratorCount: 1,
        maxBatchSize: Math.round(100 ** random()),
        atTokens: 512,
        alphaMs,
        betaMs: alphaMs * (0.02 + 0.04 * random()),
        gammaMs: alphaMs * (4 + 2 * random()),
        deltaMs: alphaMs * (0.001 + 0.001 * random()),
      };
    }),
  );
  const serviceClasses = [1, 5, 10].map((priority) => ({
    name: `class ${priority}`,
    priority,
    targets: Array.from({ length: modelCount }, (_, of) => ({
      model: `model ${of}`,
      itlMs: 20 + 20 * priority,
      ttftMs: 500 + 500 * priority,
      tokensPerSecond: 0,
    })),
  }));
  const lengths = [32, 64, 128, 256, 512, 1024];
  const servers = Array.from({ length: serverCount }, (_, at) => ({
    name: `server ${at}`,
    serviceClass: serviceClasses[at % 3]?.name ?? "",
    model: `model ${at % modelCount}`,
    keepAccelerator: false,
    minReplicas: 0,
    maxBatchSize,
    current: { accelerator: "", replicas: 0, cost: 0 },
    requestsPerMinute: 1 + 1000 * random(),
    inputTokens: 2 * (lengths[Math.floor(6 * random())] ?? 32) + (areLengthsDifferent ? at : 0),
    outputTokens: lengths[Math.floor(6 * random())] ?? 32,
  }));
  const options = {
    unlimited: true,
    heterogeneous: false,
    delayedBestEffort: false,
    saturationPolicy: "None",
  } as const;
  return { accelerators, models, serviceClasses, servers, capacity: [], options };
}

/** Numbers in [0, 1) that are the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
