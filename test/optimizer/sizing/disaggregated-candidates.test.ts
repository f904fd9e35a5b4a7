import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partName, partsOf } from "../../../optimizer/allocation.ts";
import type { Candidate } from "../../../optimizer/allocation.ts";
import { certain } from "../../../optimizer/certain.ts";
import { optimize } from "../../../optimizer/optimize.ts";
import type { OptimizeProblem } from "../../../optimizer/problem.ts";
import { candidatesOf } from "../../../optimizer/sizing/candidates.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import { simulateDisaggregated } from "../../../optimizer/simulation/simulate-disaggregated.ts";
import type { GroupDemand, Slo } from "../../../optimizer/workload.ts";
import { group, instanceType, problem, profile, workload } from "../problems.ts";

/** A prompt of 2,048 tokens takes "large" 112 ms alone and "small" 322 ms, a token 8 and 12 ms. */
const large = profile({
  accelerator: "large",
  maxBatchSize: 64,
  alphaMs: 8,
  betaMs: 0.1,
  gammaMs: 10,
  deltaMs: 0.05,
});
const small = profile({
  accelerator: "small",
  maxBatchSize: 64,
  alphaMs: 12,
  betaMs: 0.15,
  gammaMs: 15,
  deltaMs: 0.15,
});
const wide = { ...large, gpusPerReplica: 2, alphaMs: 5, deltaMs: 0.03 };
const instanceTypes = [
  instanceType({
    name: "l.8",
    accelerator: "large",
    gpuCount: 8,
    vcpuCount: 96,
    memoryGiB: 768,
    usdPerHour: 32,
  }),
  instanceType({ name: "s.1", accelerator: "small", usdPerHour: 1 }),
];
const kvGiB = 2 ** -13;

interface Asked {
  readonly slo?: Slo;
  readonly requestsPerMinute?: number;
  readonly outputTokens?: number;
}
const pools = (
  { slo = { ttftMeanMs: 300, itlMeanMs: 20 }, requestsPerMinute = 720, outputTokens = 256 }: Asked = {},
  overrides: Partial<GroupDemand> = {},
): GroupDemand =>
  group({
    workloads: [workload({ slo, load: { requestsPerMinute, inputTokens: 2048, outputTokens } })],
    profiles: [large, small],
    keyValueGiBPerToken: kvGiB,
    minReplicas: 1,
    disaggregated: true,
    ...overrides,
  });
const candidates = (demand: GroupDemand) => candidatesOf(demand, problem({ instanceTypes })).candidates;
const solved = (demand: GroupDemand, overrides: Partial<OptimizeProblem> = {}) =>
  optimize(problem({ groups: [demand], instanceTypes, ...overrides }));
const accelerators = (candidate: Candidate) => partsOf(candidate).map(({ accelerator }) => accelerator);

function simulated(demand: GroupDemand, candidate: Candidate, fewer: readonly [number, number] = [0, 0]) {
  const { load } = certain(demand.workloads[0]);
  const [prefill, decode] = partsOf(candidate).map((part, position) => {
    const used = certain(
      demand.profiles.find(
        ({ accelerator, gpusPerReplica }) =>
          accelerator === part.accelerator && gpusPerReplica === part.gpusPerReplica,
      ),
    );
    const { alphaMs, betaMs, gammaMs, deltaMs, maxBatchSize } = used;
    return {
      engine: { parameters: { alphaMs, betaMs, gammaMs, deltaMs }, maxBatchSize, maxBatchedTokens: 8192 },
      replicas: part.replicas - certain(fewer[position]),
    };
  });
  return simulateDisaggregated({
    prefill: certain(prefill),
    decode: certain(decode),
    load: {
      kind: "poisson",
      ratePerSecond: load.requestsPerMinute / 60,
      promptTokens: { kind: "fixed", tokens: load.inputTokens },
      outputTokens: { kind: "geometric", meanTokens: load.outputTokens },
      random: seededRandom(7, "pools"),
      requests: 25_000,
    },
    // Keys and values of 2,048 tokens at 2^-13 GiB each over 100 Gbit/s.
    transferMs: (2048 * kvGiB * 2 ** 30) / 12.5e6,
  });
}

describe("a disaggregated group", () => {
  it("runs as two pools, each on the accelerator that is cheapest for it, packed under names of their own", () => {
    const demand = pools();
    const single = instanceType({ name: "l.1", accelerator: "large", usdPerHour: 4 });
    const { allocations, nodePools, usdPerHour } = solved(demand, {
      instanceTypes: [...instanceTypes, single],
    });
    const { chosen } = certain(allocations[0]);
    expect(partsOf(chosen).map((part, position) => [part.role, partName("chat", part, position)])).toEqual([
      ["prefill", "chat-prefill"],
      ["decode", "chat-decode"],
    ]);
    // Small cards cannot read a prompt within 300 ms.
    expect(accelerators(chosen)).toEqual(["large", "small"]);
    const pods = nodePools.flatMap(({ nodes }) => nodes.flatMap(({ replicas }) => replicas));
    for (const [position, part] of partsOf(chosen).entries()) {
      const held = pods.filter((one) => one.group === partName("chat", part, position));
      expect(held.reduce((sum, { count }) => sum + count, 0)).toBe(part.replicas);
    }
    expect(usdPerHour).toBe(nodePools.reduce((sum, pool) => sum + pool.usdPerHour, 0));
  });

  it("keeps to one node where that has cards left for the other pool", () => {
    const { allocations, nodePools } = solved(pools());
    expect(accelerators(certain(allocations[0]).chosen)).toEqual(["large", "large"]);
    expect(nodePools).toMatchObject([{ instanceType: "l.8", nodeCount: 1 }]);
  });

  it.each([
    ["a mean", { ttftMeanMs: 220, itlMeanMs: 11 }],
    ["percentiles", { ttftP95Ms: 500, itlP95Ms: 14 }],
    ["the whole request", { latencyMeanMs: 3200 }],
  ])("holds targets on %s in the simulation, as predicted", (_, slo) => {
    const demand = pools({ slo }, { profiles: [large] });
    const [candidate] = candidates(demand);
    const { ttft, itl, latency } = certain(certain(candidate).predictions[0]);
    const summary = simulated(demand, certain(candidate));
    expect(Math.abs(summary.ttftMillis.mean / ttft.meanMs - 1)).toBeLessThan(0.1);
    expect(Math.abs(summary.itlMeanMillis / itl.meanMs - 1)).toBeLessThan(0.05);
    expect(Math.abs(summary.latencyMillis.mean / latency.meanMs - 1)).toBeLessThan(0.05);
    const { ttftMeanMs, ttftP95Ms, itlMeanMs, latencyMeanMs } = slo as Slo;
    expect(summary.ttftMillis.mean).toBeLessThan(ttftMeanMs ?? Number.POSITIVE_INFINITY);
    expect(summary.ttftMillis.p95).toBeLessThan(ttftP95Ms ?? Number.POSITIVE_INFINITY);
    expect(summary.itlMeanMillis).toBeLessThan(itlMeanMs ?? Number.POSITIVE_INFINITY);
    expect(summary.latencyMillis.mean).toBeLessThan(latencyMeanMs ?? Number.POSITIVE_INFINITY);
  });

  it("holds random targets under random loads in the simulation", () => {
    const random = seededRandom(1, "demands");
    const between = (least: number, most: number) => least * Math.exp(random() * Math.log(most / least));
    for (let run = 0; run < 8; run++) {
      const own = profile({
        accelerator: "small",
        maxBatchSize: Math.round(between(8, 256)),
        alphaMs: between(4, 40),
        betaMs: between(0.02, 0.6),
        gammaMs: between(3, 30),
        deltaMs: between(0.01, 0.2),
      });
      const slo = {
        ttftMeanMs: (300 + own.gammaMs + own.deltaMs * 2048) * between(1.2, 4),
        itlMeanMs: (own.alphaMs + own.betaMs) * between(1.1, 3),
      };
      const demand = pools({ slo, requestsPerMinute: between(30, 900) }, { profiles: [own] });
      const candidate = certain(candidates(demand)[0]);
      const summary = simulated(demand, candidate);
      // A hundredth for the chance in 25,000 requests.
      expect(summary.ttftMillis.mean).toBeLessThan(1.01 * slo.ttftMeanMs);
      expect(summary.itlMeanMillis).toBeLessThan(1.01 * slo.itlMeanMs);
    }
  });

  it("has no replica too many in either pool, and names the target that needs it", () => {
    const demand = pools({ slo: { ttftMeanMs: 220, itlMeanMs: 11 } }, { profiles: [large] });
    const candidate = certain(candidates(demand)[0]);
    const [prefill, decode] = partsOf(candidate);
    expect(prefill).toMatchObject({ binding: "slo", bindingSlo: { workload: "chat", target: "ttftMean" } });
    expect(decode).toMatchObject({ binding: "slo", bindingSlo: { workload: "chat", target: "itlMean" } });
    expect(candidate.bindingSlo?.target).toBe("ttftMean");
    expect(simulated(demand, candidate, [1, 0]).ttftMillis.mean).toBeGreaterThan(220);
    expect(simulated(demand, candidate, [0, 1]).itlMeanMillis).toBeGreaterThan(11);
  });

  it("has as many replicas as keep up where nothing limits waiting, and leaves a tenth of each free", () => {
    for (const part of partsOf(certain(candidates(pools({ slo: {}, requestsPerMinute: 7200 }))[0]))) {
      expect(part).toMatchObject({ binding: "saturation" });
      expect(part).not.toHaveProperty("bindingSlo");
      expect(part.replicas).toBeGreaterThan(2);
      expect(part.utilisation).toBeLessThanOrEqual(0.9);
      expect((part.utilisation * part.replicas) / (part.replicas - 1)).toBeGreaterThan(0.9);
    }
  });

  it("is bound by what it carries where the targets would let it wait for minutes", () => {
    const demand = pools({ slo: { ttftMeanMs: 100_000, itlMeanMs: 100_000 }, requestsPerMinute: 7200 });
    for (const part of partsOf(certain(candidates(demand)[0]))) {
      expect(part).toMatchObject({ binding: "saturation" });
      expect(part.utilisation).toBeLessThanOrEqual(0.98);
    }
  });

  it("names of two accelerators only those of which there are too few cards", () => {
    const demand = pools({ slo: { ttftMeanMs: 800, itlMeanMs: 20 }, requestsPerMinute: 4200 });
    const [unplaced] = solved(demand, { gpuLimits: { small: 12, large: 8 } }).unplaced;
    const rejections = certain(unplaced).rejections;
    expect(new Set(rejections.map(({ accelerator }) => accelerator))).toEqual(new Set(["large", "small"]));
    for (const { allowed, reached } of rejections) expect(reached).toBeGreaterThan(allowed);
  });

  it("says what each pool carries within the targets", () => {
    const demand = pools(
      { slo: { ttftMeanMs: 220, itlMeanMs: 11, latencyP95Ms: 20_000 } },
      { profiles: [large] },
    );
    const candidate = certain(candidates(demand)[0]);
    for (const part of [candidate, ...partsOf(candidate)]) {
      const carried = part.replicas * part.maxRequestsPerMinutePerReplica;
      expect(carried).toBeGreaterThan(720);
      expect(carried).toBeLessThan(2 * 720);
    }
    const [prefill] = partsOf(candidate);
    const perReplica = certain(prefill).maxRequestsPerMinutePerReplica;
    const more = pools(
      { slo: { ttftMeanMs: 220, itlMeanMs: 11 }, requestsPerMinute: 10 * perReplica * 0.98 },
      { profiles: [large] },
    );
    expect(partsOf(certain(candidates(more)[0]))[0]?.replicas).toBe(10);
  });

  it("offers a pair on each accelerator that holds the targets, so that limits leave a choice", () => {
    const demand = pools({ slo: { ttftMeanMs: 800, itlMeanMs: 20 } });
    const offered = candidates(demand);
    expect(offered.map(accelerators)).toContainEqual(["large", "large"]);
    expect(offered.map(accelerators)).toContainEqual(["small", "small"]);
    expect(offered.map(({ gpuUsdPerHour }) => gpuUsdPerHour)).toEqual(
      offered.map(({ gpuUsdPerHour }) => gpuUsdPerHour).toSorted((a, b) => a - b),
    );
    const onLarge = certain(solved(demand, { gpuLimits: { small: 0 } }).allocations[0]).chosen;
    expect(accelerators(onLarge)).toEqual(["large", "large"]);
    const { allocations, unplaced } = solved(demand, { gpuLimits: { small: 1, large: 0 } });
    expect(allocations).toEqual([]);
    const [{ rejections }] = unplaced as [(typeof unplaced)[0]];
    expect(
      rejections.every(({ constraint, allowed, reached }) => constraint === "capacity" && reached > allowed),
    ).toBe(true);
  });

  it("names what other pairs would cost more", () => {
    const { allocations } = solved(pools({ slo: { ttftMeanMs: 800, itlMeanMs: 20 } }));
    const { alternatives } = certain(allocations[0]);
    expect(alternatives.length).toBeGreaterThan(0);
    for (const { candidate, extraUsdPerHour } of alternatives) {
      expect(candidate.parts).toHaveLength(2);
      expect(extraUsdPerHour).toBeGreaterThanOrEqual(0);
    }
  });

  it("is left out with the nearest misses where no pair holds the targets", () => {
    const { unplaced } = solved(pools({ slo: { ttftMeanMs: 100, itlMeanMs: 20 } }));
    const [nearest] = certain(unplaced[0]).rejections;
    expect(nearest).toMatchObject({
      accelerator: "large",
      subject: "chat",
      constraint: "ttftMean",
      allowed: 100,
      unit: "ms",
    });
    expect(nearest?.reached).toBeCloseTo(10 + 0.05 * 2048 + (2048 * kvGiB * 2 ** 30) / 12.5e6, 6);
  });

  it("needs to know how large keys and values are", () => {
    const { keyValueGiBPerToken: _, ...unknown } = pools();
    expect(candidatesOf(unknown, problem({ instanceTypes }))).toMatchObject({
      candidates: [],
      rejections: [{ subject: "chat", constraint: "keyValues" }],
    });
  });

  it("has the least count of both pools without load, and where answers have one token", () => {
    const idle = certain(candidates(pools({ requestsPerMinute: 0 }, { minReplicas: 2 }))[0]);
    expect(partsOf(idle).map(({ replicas, binding }) => [replicas, binding])).toEqual([
      [2, "idle"],
      [2, "idle"],
    ]);
    const [, decode] = partsOf(certain(candidates(pools({ outputTokens: 1 }, { minReplicas: 0 }))[0]));
    expect(decode).toMatchObject({ replicas: 1, binding: "minimum", maxRequestsPerMinutePerReplica: 0 });
  });

  it("is sized for its busiest period all day", () => {
    const periods = [
      { fromHour: 0, requestsPerMinute: { chat: 72 } },
      { fromHour: 8, requestsPerMinute: { chat: 720 } },
    ];
    const [byHour] = candidates(pools({}, { periods }));
    expect(JSON.stringify(byHour)).toBe(JSON.stringify(candidates(pools())[0]));
  });

  it("may have replicas over several nodes", () => {
    const profiles = [large, wide].map((one) => ({ ...one, gpusPerReplica: 16 * one.gpusPerReplica }));
    const [candidate] = candidates(pools({}, { profiles, nodesPerReplica: 2, gpusPerReplica: 16 }));
    for (const part of partsOf(certain(candidate))) {
      expect(part).toMatchObject({ gpusPerReplica: 16, nodesPerReplica: 2, instanceType: "l.8" });
    }
    const { nodePools } = solved(pools({}, { profiles, nodesPerReplica: 2, gpusPerReplica: 16 }));
    expect(nodePools[0]?.nodeCount).toBe(2 * certain(candidate).replicas);
  });

  it("is no group of several workloads, of fixed counts, of splits, or of single passes", () => {
    const refused = (overrides: Partial<GroupDemand>) => () => candidates(pools({}, overrides));
    const [only] = pools().workloads;
    expect(refused({ workloads: [certain(only), { ...certain(only), id: "other" }] })).toThrow(RangeError);
    expect(refused({ fixedReplicas: 3 })).toThrow(RangeError);
    expect(refused({ maySplit: true })).toThrow(RangeError);
    expect(refused({ task: "request-response" })).toThrow(RangeError);
  });

  it("costs no less for more load and no more with another shape, whatever the order of anything", () => {
    const slos = fc.record(
      {
        ttftMeanMs: fc.integer({ min: 200, max: 2000 }),
        ttftP95Ms: fc.integer({ min: 400, max: 3000 }),
        itlMeanMs: fc.integer({ min: 11, max: 40 }),
        latencyP95Ms: fc.integer({ min: 12_000, max: 60_000 }),
      },
      { requiredKeys: [] },
    );
    const rates = fc.double({ min: 1, max: 2400, noNaN: true });
    fc.assert(
      fc.property(
        slos,
        rates,
        fc.double({ min: 1, max: 3, noNaN: true }),
        (slo, requestsPerMinute, factor) => {
          const least = (rate: number, profiles: GroupDemand["profiles"]) =>
            candidates(pools({ slo, requestsPerMinute: rate }, { profiles }))[0];
          const one = least(requestsPerMinute, [large]);
          const all = least(requestsPerMinute, [large, wide, small]);
          const more = least(requestsPerMinute * factor, [large]);
          expect(all === undefined && one !== undefined).toBe(false);
          if (one && all) expect(all.gpuUsdPerHour).toBeLessThanOrEqual(one.gpuUsdPerHour);
          if (one && more) expect(more.gpuUsdPerHour).toBeGreaterThanOrEqual(one.gpuUsdPerHour);
          expect(JSON.stringify(least(requestsPerMinute, [small, wide, large]))).toBe(JSON.stringify(all));
        },
      ),
      { numRuns: 25 },
    );
  });
});
