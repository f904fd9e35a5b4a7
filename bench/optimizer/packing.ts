// Packs random fleets and prints how far the cost of their nodes is from the proven lower bound, and the CPU time that
// takes. Nothing is asserted.
import { newestCatalog } from "../../optimizer/catalog/registry.ts";
import type { InstanceType } from "../../optimizer/catalog/catalog.ts";
import { nodeMisfit, nodeTypesByAccelerator } from "../../optimizer/packing/node-fit.ts";
import type { NodeType } from "../../optimizer/packing/node-fit.ts";
import { packAccelerator, packWithProof } from "../../optimizer/packing/pack.ts";
import type { ReplicaDemand } from "../../optimizer/packing/replica-class.ts";
import { seededRandom } from "../../optimizer/simulation/random.ts";
import type { Random } from "../../optimizer/simulation/random.ts";
import { nodeReservation } from "../../platform/plan/hardware.ts";

const fleets = Number(process.argv[2] ?? 40);
const replicaCounts = [10, 30, 100, 300, 1000];

interface Fleet {
  readonly nodeTypes: readonly NodeType[];
  readonly demands: readonly ReplicaDemand[];
  /** Cards that there are. */
  readonly gpuLimit: number;
}

interface Outcome {
  readonly quickGap: number;
  readonly gap: number;
  readonly quickCpuMs: number;
  readonly cpuMs: number;
}

/** Groups at most: as many replicas alike as services have, or each replica different. */
const mixes = { "up to 60 groups": 60, "any number of groups": Number.POSITIVE_INFINITY };

console.log(
  `${fleets} fleets a row: gap to the proven bound and CPU ms, each p50 / p90 / max, Node ${process.versions.node}`,
);
for (const [mix, mostGroups] of Object.entries(mixes)) {
  for (const [market, typesOf] of Object.entries({
    "the catalog's types": catalogTypes,
    "invented types": inventedTypes,
  })) {
    for (const limited of [false, true]) {
      console.log(`\n${mix}, ${market}${limited ? ", 3 % more cards than replicas take" : ""}`);
      for (const replicas of replicaCounts) {
        const outcomes: Outcome[] = [];
        for (let index = 0; index < fleets; index++) {
          const random = seededRandom(index, `${mix} ${market} ${replicas}`);
          const outcome = packed(fleetOf(random, typesOf(random), replicas, mostGroups, limited));
          if (outcome) outcomes.push(outcome);
        }
        console.log(
          `${String(replicas).padStart(6)} replicas` +
            `   gap % ${spread(outcomes.map(({ gap }) => 100 * gap))}` +
            `   quick ${spread(outcomes.map(({ quickGap }) => 100 * quickGap))}` +
            `   CPU ms ${spread(outcomes.map(({ cpuMs }) => cpuMs))}` +
            `   quick ${spread(outcomes.map(({ quickCpuMs }) => quickCpuMs))}` +
            `   ${outcomes.filter(({ gap }) => gap <= 0.01).length} of ${outcomes.length} within 1 %`,
        );
      }
    }
  }
}

/** Undefined where the limit leaves no way to pack. */
function packed({ nodeTypes, demands, gpuLimit }: Fleet): Outcome | undefined {
  const [quick, quickCpuMs] = timed(() => packAccelerator(demands, nodeTypes, gpuLimit));
  const [proven, cpuMs] = timed(() => packWithProof(demands, nodeTypes, gpuLimit));
  if (!proven) return undefined;
  const gapOf = (usdPerHour: number) => usdPerHour / proven.lowerBoundUsdPerHour - 1;
  return {
    quickGap: gapOf(quick?.usdPerHour ?? Number.POSITIVE_INFINITY),
    gap: gapOf(proven.usdPerHour),
    quickCpuMs,
    cpuMs,
  };
}

function timed<Result>(run: () => Result): readonly [Result, number] {
  const before = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(before);
  return [result, (user + system) / 1000];
}

/** Replicas with 1, 2, 4 or 8 cards and any CPU and memory that some node type holds. */
function fleetOf(
  random: Random,
  instanceTypes: readonly InstanceType[],
  replicas: number,
  mostGroups: number,
  limited: boolean,
): Fleet {
  const accelerator = instanceTypes[0]?.accelerator ?? "";
  const nodeTypes = nodeTypesByAccelerator(instanceTypes, nodeReservation).get(accelerator) ?? [];
  const groups = 2 + Math.floor(random() * (Math.min(mostGroups, replicas) - 1));
  const demands: ReplicaDemand[] = [];
  let left = replicas;
  while (left > 0) {
    const gpusPerReplica = pick(random, [1, 1, 2, 4, 8]);
    const cpuMillis = Math.floor(gpusPerReplica * (500 + random() * random() * 16_000));
    const memoryMiB = Math.floor(gpusPerReplica * (1000 + random() * random() * 90_000));
    if (nodeMisfit(nodeTypes, gpusPerReplica, { cpuMillis, memoryMiB })) continue;
    const count = Math.min(left, Math.max(1, Math.floor((random() * 2 * replicas) / groups)));
    demands.push({
      group: `g${demands.length}`,
      accelerator,
      gpusPerReplica,
      replicas: count,
      cpuMillis,
      memoryMiB,
    });
    left -= count;
  }
  const cards = demands.reduce((sum, one) => sum + one.replicas * one.gpusPerReplica, 0);
  return { nodeTypes, demands, gpuLimit: limited ? Math.ceil(1.03 * cards) : Number.POSITIVE_INFINITY };
}

/** All instance types of one accelerator that has several. */
function catalogTypes(random: Random): readonly InstanceType[] {
  const accelerator = pick(random, ["T4", "A10G", "L4", "L40S", "H100-80G"]);
  return newestCatalog.instanceTypes.filter((type) => type.accelerator === accelerator);
}

/** One to five types of 1 to 8 cards, dearer the more they have of anything, and a type that holds eight cards. */
function inventedTypes(random: Random): readonly InstanceType[] {
  const count = 1 + Math.floor(random() * 5);
  return Array.from({ length: count }, (_, index): InstanceType => {
    const gpuCount = index === 0 ? 8 : pick(random, [1, 2, 4, 8]);
    const vcpuCount = gpuCount * pick(random, [4, 8, 16, 24]);
    const memoryGiB = gpuCount * pick(random, [16, 32, 64, 128]);
    return {
      name: `t${index}`,
      accelerator: "A",
      gpuCount,
      vcpuCount,
      memoryGiB,
      maxPodCount: pick(random, [20, 29, 58, 110]),
      usdPerHour: gpuCount * (1 + random() * 0.6) + vcpuCount * 0.02 + memoryGiB * 0.004,
    };
  });
}

function pick<Item>(random: Random, items: readonly [Item, ...Item[]]): Item {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.9, 1]
    .map((share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN)
    .map((value) => value.toFixed(2).padStart(7))
    .join(" /");
}
