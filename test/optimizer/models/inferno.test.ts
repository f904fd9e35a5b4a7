import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import {
  analyze,
  analyzeAlone,
  highestArrivalsPerMs,
  infernoReplica,
  lowestArrivalsPerMs,
} from "../../../optimizer/models/inferno.ts";
import type { MixMember } from "../../../optimizer/models/inferno.ts";

const member: MixMember = {
  workload: "w",
  profile: { alphaMs: 9.5, betaMs: 0.5, gammaMs: 10, deltaMs: 0.1 },
  inputTokens: 100,
  outputTokens: 101,
  share: 1,
};

const ms = (max: number) => fc.double({ min: 0.001, max, noNaN: true });
const members = fc
  .array(
    fc.record({
      profile: fc.record({ alphaMs: ms(100), betaMs: ms(5), gammaMs: ms(500), deltaMs: ms(1) }),
      inputTokens: fc.integer({ min: 1, max: 4000 }),
      outputTokens: fc.integer({ min: 1, max: 1000 }),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => {
    const total = all.reduce((sum, { weight }) => sum + weight, 0);
    return all.map(({ weight, ...rest }, at): MixMember => ({
      ...rest,
      workload: `${at}`,
      share: weight / total,
    }));
  });
const replicas = fc
  .record({ members, maxBatchSize: fc.integer({ min: 1, max: 64 }) })
  .map((one) => infernoReplica(one.members, one.maxBatchSize));

describe("the Inferno model", () => {
  it("gives one request alone its plain prefill and decode times", () => {
    const prediction = certain(analyzeAlone(infernoReplica([member], 16)).predictions[0]);
    expect(prediction.ttft).toEqual({ meanMs: 20, p95Ms: 20, p99Ms: 20 });
    expect(prediction.itl.meanMs).toBe(10);
    expect(prediction.latency.p99Ms).toBe(1020);
  });

  it("approaches the times of one request alone as the rate falls", () => {
    const replica = infernoReplica([member], 16);
    const prediction = certain(analyze(replica, lowestArrivalsPerMs(replica)).predictions[0]);
    expect(prediction.ttft.meanMs).toBeCloseTo(20, 1);
    expect(prediction.itl.p99Ms).toBeCloseTo(10, 2);
  });

  it("waits as an M/M/1 queue does with a batch of one request", () => {
    const single = { ...member, outputTokens: 1 };
    const replica = infernoReplica([single], 1);
    const serviceMs = 20;
    const load = 0.5;
    const { ttft } = certain(analyze(replica, load / serviceMs).predictions[0]);
    // P(wait > t) = load·exp(-(1 - load)·t / service); ten waiting places cut off a thousandth of it.
    expect(ttft.meanMs / (serviceMs + (load / (1 - load)) * serviceMs)).toBeCloseTo(1, 1);
    const p95WaitMs = (serviceMs / (1 - load)) * Math.log(load / 0.05);
    expect((ttft.p95Ms - serviceMs) / p95WaitMs).toBeCloseTo(1, 1);
  });

  it("predicts the same for a workload and for two halves of it", () => {
    const whole = infernoReplica([member], 16);
    const halves = infernoReplica(
      [
        { ...member, workload: "a", share: 0.5 },
        { ...member, workload: "b", share: 0.5 },
      ],
      16,
    );
    const rate = highestArrivalsPerMs(whole) / 2;
    expect(certain(analyze(halves, rate).predictions[1]).latency).toEqual(
      certain(analyze(whole, rate).predictions[0]).latency,
    );
  });

  it("orders mean, 95th and 99th percentile at every load", () => {
    fc.assert(
      fc.property(replicas, fc.double({ min: 0.001, max: 3, noNaN: true }), (replica, load) => {
        for (const one of analyze(replica, load * highestArrivalsPerMs(replica)).predictions) {
          for (const time of [one.ttft, one.itl, one.latency]) {
            expect(time.meanMs).toBeGreaterThan(0);
            expect(time.p95Ms).toBeGreaterThanOrEqual(time.meanMs);
            expect(time.p99Ms).toBeGreaterThanOrEqual(time.p95Ms);
          }
        }
      }),
    );
  });

  it("predicts longer times for a higher rate, which bisection relies on", () => {
    const loads = fc.tuple(
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.double({ min: 1, max: 1.5, noNaN: true }),
    );
    fc.assert(
      fc.property(replicas, loads, (replica, [load, factor]) => {
        const rate = load * highestArrivalsPerMs(replica);
        const lower = certain(analyze(replica, rate).predictions[0]);
        const higher = certain(analyze(replica, rate * factor).predictions[0]);
        const grows = (a: number, b: number) => expect(b).toBeGreaterThanOrEqual(a * (1 - 1e-9));
        for (const time of ["ttft", "itl", "latency"] as const) {
          grows(lower[time].meanMs, higher[time].meanMs);
          grows(lower[time].p95Ms, higher[time].p95Ms);
          grows(lower[time].p99Ms, higher[time].p99Ms);
        }
      }),
    );
  });
});
