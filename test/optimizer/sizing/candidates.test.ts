import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { candidatesOf } from "../../../optimizer/sizing/candidates.ts";
import { generationSaturationPerSecond } from "../../../optimizer/models/continuous-batching/predict.ts";
import type { GroupDemand, Slo } from "../../../optimizer/workload.ts";
import { group, instanceType, problem, profile, workload } from "../problems.ts";

const sized = (demand: GroupDemand, overrides = {}) => candidatesOf(demand, problem(overrides));
const withSlo = (slo: Slo, requestsPerMinute = 60) =>
  workload({ slo, load: { requestsPerMinute, inputTokens: 100, outputTokens: 100 } });

describe("sizing a group", () => {
  it("takes as many replicas as the load needs at the SLOs, and says which SLO bound", () => {
    const candidate = certain(
      sized(group({ workloads: [withSlo({ ttftMeanMs: 90, itlMeanMs: 13 }, 3000)] })).candidates[0],
    );
    expect(candidate.binding).toBe("slo");
    expect(candidate.bindingSlo).toEqual({ workload: "chat", target: "itlMean" });
    expect(candidate.replicas).toBe(Math.ceil(3000 / candidate.maxRequestsPerMinutePerReplica));
    expect(certain(candidate.predictions[0]).itl.meanMs).toBeLessThanOrEqual(13);
    expect(certain(candidate.predictions[0]).ttft.meanMs).toBeLessThanOrEqual(90);
  });

  it("keeps away from saturation where no target limits waiting", () => {
    const candidate = certain(sized(group({ workloads: [withSlo({}, 600)] })).candidates[0]);
    const { alphaMs, betaMs, gammaMs, deltaMs } = profile();
    const saturationPerMinute =
      60 *
      generationSaturationPerSecond({
        parameters: { alphaMs, betaMs, gammaMs, deltaMs },
        maxBatchSize: 16,
        maxBatchedTokens: 8192,
        traffic: [{ share: 1, inputTokens: 100, outputTokens: 100, outputDistribution: "geometric" }],
      });
    expect(candidate.binding).toBe("saturation");
    expect(candidate.maxRequestsPerMinutePerReplica / saturationPerMinute).toBeCloseTo(0.9, 2);
  });

  it("gives an idle group its minimum of replicas and the times of one request alone", () => {
    const demand = group({ workloads: [withSlo({ itlMeanMs: 13 }, 0)], minReplicas: 2 });
    const candidate = certain(sized(demand).candidates[0]);
    expect(candidate).toMatchObject({ binding: "idle", replicas: 2, utilisation: 0, gpuUsdPerHour: 2 });
    expect(certain(candidate.predictions[0]).itl.p99Ms).toBeCloseTo(10, 3);
  });

  it("prefers the cheapest card for a group that is scaled to zero", () => {
    const { candidates } = sized(
      group({
        workloads: [withSlo({}, 0)],
        profiles: [profile({ accelerator: "A" }), profile({ accelerator: "B" })],
      }),
      { instanceTypes: [instanceType({ usdPerHour: 3 }), instanceType({ name: "b.1", accelerator: "B" })] },
    );
    expect(candidates.map(({ accelerator, replicas }) => [accelerator, replicas])).toEqual([
      ["B", 0],
      ["A", 0],
    ]);
  });

  it("raises the count to the minimum of replicas", () => {
    const candidate = certain(sized(group({ minReplicas: 3 })).candidates[0]);
    expect(candidate).toMatchObject({ binding: "minimum", replicas: 3 });
  });

  it("keeps to the replicas and the batch size that the spec says", () => {
    const candidate = certain(
      sized(group({ fixedReplicas: 2, minReplicas: 3, maxBatchSize: 4 })).candidates[0],
    );
    expect(candidate).toMatchObject({ binding: "fixed", replicas: 2, maxBatchSize: 4 });
  });

  it("keeps a fixed count that breaks the SLO, and predicts that it does", () => {
    const demand = group({ workloads: [withSlo({ ttftMeanMs: 40 }, 6000)], fixedReplicas: 1 });
    const { candidates, rejections } = sized(demand);
    expect(certain(certain(candidates[0]).predictions[0]).ttft.meanMs).toBeGreaterThan(40);
    expect(certain(candidates[0]).utilisation).toBeGreaterThan(1);
    expect(rejections).toEqual([]);
  });

  it("rejects shapes that break the SLO at a fixed count where another one holds it", () => {
    const demand = group({
      workloads: [withSlo({ ttftMeanMs: 60 }, 600)],
      fixedReplicas: 1,
      profiles: [
        profile(),
        profile({ gpusPerReplica: 2, alphaMs: 2, betaMs: 0.05, gammaMs: 2, deltaMs: 0.01 }),
      ],
    });
    const { candidates, rejections } = sized(demand, { instanceTypes: [instanceType({ gpuCount: 4 })] });
    expect(candidates.map(({ gpusPerReplica }) => gpusPerReplica)).toEqual([2]);
    expect(rejections).toMatchObject([{ gpusPerReplica: 1, constraint: "ttftMean", allowed: 60 }]);
  });

  it("rejects a shape that is too slow even for one request alone, nearest miss first", () => {
    const demand = group({
      workloads: [withSlo({ itlMeanMs: 5 })],
      profiles: [profile(), profile({ gpusPerReplica: 2, alphaMs: 7.5 })],
    });
    const { candidates, rejections } = sized(demand, { instanceTypes: [instanceType({ gpuCount: 2 })] });
    expect(candidates).toEqual([]);
    expect(rejections.map(({ gpusPerReplica, constraint }) => [gpusPerReplica, constraint])).toEqual([
      [2, "itlMean"],
      [1, "itlMean"],
    ]);
    expect(certain(rejections[0]).reached).toBeCloseTo(8, 2);
  });

  it("accepts a batch of one whose ITL does not depend on the load, and rejects it above the target", () => {
    const itlOf = (itlMeanMs: number) =>
      sized(group({ workloads: [withSlo({ itlMeanMs })], maxBatchSize: 1 })).candidates.length;
    expect(itlOf(10.001)).toBe(1);
    expect(itlOf(9.999)).toBe(0);
  });

  it("holds the SLOs of every workload that shares the replicas", () => {
    const strict = workload({ id: "strict", slo: { ttftP95Ms: 100 } });
    const lax = workload({ id: "lax", model: "other", slo: { latencyMeanMs: 60_000 } });
    const profiles = [profile(), profile({ model: "other", alphaMs: 20, gammaMs: 30 })];
    const candidate = certain(sized(group({ workloads: [strict, lax], profiles })).candidates[0]);
    const strictPrediction = certain(candidate.predictions.find((one) => one.workload === "strict"));
    expect(strictPrediction.ttft.p95Ms).toBeLessThanOrEqual(100);
    expect(candidate.weightsGiB).toBe(20);
    expect(candidate.origins).toHaveLength(2);
  });

  it("offers a shape only where every model of the group has a profile", () => {
    const demand = group({
      workloads: [workload({ id: "a" }), workload({ id: "b", model: "other" })],
      profiles: [profile(), profile({ model: "other", gpusPerReplica: 2 })],
    });
    const { candidates, rejections } = sized(demand);
    expect(candidates).toEqual([]);
    expect(rejections.map(({ constraint, subject }) => [constraint, subject])).toEqual([
      ["profile", "b"],
      ["profile", "a"],
    ]);
  });

  it("trusts what the spec gives more than a measurement, and that more than an estimate", () => {
    const origin = (kind: "given" | "measured" | "estimate") => ({
      kind,
      source: kind,
      uncertaintyFraction: 0,
    });
    const profiles = (["estimate", "given", "measured"] as const).map((kind) =>
      profile({ origin: origin(kind) }),
    );
    const candidate = certain(sized(group({ profiles })).candidates[0]);
    expect(candidate.origins).toEqual([origin("given")]);
  });

  it("rejects a replica that no node holds, and says what is short", () => {
    const cards = sized(group({ profiles: [profile({ gpusPerReplica: 2 })] }));
    expect(cards.rejections).toMatchObject([{ constraint: "node", allowed: 1, reached: 2, unit: "GPU" }]);
    const memory = sized(group({ resources: () => ({ cpuMillis: 1000, memoryMiB: 70_000 }) }));
    expect(memory.rejections).toMatchObject([{ constraint: "node", reached: 70_000, unit: "MiB" }]);
  });

  it("carries what was ruled out before, and says when no profile or accelerator is offered", () => {
    const excluded = [
      {
        accelerator: "A",
        gpusPerReplica: 1,
        subject: "m",
        constraint: "memory",
        allowed: 20,
        reached: 90,
        unit: "GiB",
      },
    ] as const;
    expect(sized(group({ profiles: [], excluded })).rejections).toEqual(excluded);
    expect(sized(group({ profiles: [] })).rejections).toMatchObject([
      { constraint: "profile", unit: "profile" },
    ]);
    const elsewhere = sized(group({ profiles: [profile({ accelerator: "Z" })] }));
    expect(elsewhere.rejections).toMatchObject([{ constraint: "capacity", accelerator: "Z", allowed: 0 }]);
  });

  it("never plans fewer replicas than the load over the capacity of one, and never breaks a target", () => {
    const slos = fc.record(
      {
        ttftMeanMs: fc.integer({ min: 25, max: 500 }),
        ttftP95Ms: fc.integer({ min: 25, max: 500 }),
        itlP95Ms: fc.integer({ min: 11, max: 18 }),
        latencyP95Ms: fc.integer({ min: 1100, max: 5000 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(slos, fc.double({ min: 0.01, max: 1e6, noNaN: true }), (slo, rate) => {
        for (const candidate of sized(group({ workloads: [withSlo(slo, rate)] })).candidates) {
          const carried = candidate.replicas * candidate.maxRequestsPerMinutePerReplica;
          expect(carried).toBeGreaterThanOrEqual(rate * (1 - 1e-9));
          const prediction = certain(candidate.predictions[0]);
          expect(prediction.ttft.meanMs).toBeLessThanOrEqual(slo.ttftMeanMs ?? Infinity);
          expect(prediction.ttft.p95Ms).toBeLessThanOrEqual(slo.ttftP95Ms ?? Infinity);
          expect(prediction.itl.p95Ms).toBeLessThanOrEqual(slo.itlP95Ms ?? Infinity);
          expect(prediction.latency.p95Ms).toBeLessThanOrEqual(slo.latencyP95Ms ?? Infinity);
        }
      }),
    );
  });
});
