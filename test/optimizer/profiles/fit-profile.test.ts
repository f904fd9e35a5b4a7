import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { fitProfile, fitRequestProfile, type ProfileFit } from "../../../optimizer/profiles/fit-profile.ts";
import type { PerformanceProfile } from "../../../optimizer/profiles/performance-profile.ts";
import type { MeasuredPoint } from "../../../optimizer/profiles/measured-point.ts";
import { closedLoop } from "./closed-loop.ts";

const subject = {
  model: "llama-3-8b",
  accelerator: "H100-80G",
  gpusPerReplica: 1,
  weightsGiB: 15,
  source: "test bench",
};

/** Times between a T4 with a small model and the largest models on few cards. */
const parametersArb = fc.record({
  alphaMs: fc.double({ min: 1, max: 100, noNaN: true }),
  betaMs: fc.double({ min: 0.01, max: 2, noNaN: true }),
  gammaMs: fc.double({ min: 1, max: 50, noNaN: true }),
  deltaMs: fc.double({ min: 0.005, max: 0.5, noNaN: true }),
});
type Parameters = typeof parametersArb extends fc.Arbitrary<infer T> ? T : never;

const batches = [1, 2, 4, 8, 16, 32, 64];
const prompts = [128, 512, 2048, 4096];

/** Points on the lines, without the prefill of others, as a disaggregated deployment shows them. */
function exactPoints({ alphaMs, betaMs, gammaMs, deltaMs }: Parameters): MeasuredPoint[] {
  return [
    ...batches.map((batch) => ({ batch, inputTokens: 1024, itlMs: alphaMs + betaMs * batch })),
    ...prompts.map((inputTokens) => ({ batch: 1, inputTokens, ttftMs: gammaMs + deltaMs * inputTokens })),
  ];
}

function fitted(fit: ProfileFit) {
  if (!fit.ok) throw new Error(JSON.stringify(fit.refusals));
  return fit;
}

function refusals(fit: ProfileFit) {
  if (fit.ok) throw new Error("expected a refusal");
  return fit.refusals;
}

describe("a fit of points on a line", () => {
  it("recovers the parameters exactly, and says that nothing is uncertain", () => {
    fc.assert(
      fc.property(parametersArb, (parameters) => {
        const { profile, decode, prefill } = fitted(
          fitProfile(subject, exactPoints(parameters), { disaggregated: true }),
        );
        for (const name of ["alphaMs", "betaMs", "gammaMs", "deltaMs"] as const) {
          expect(Math.abs(profile[name] / parameters[name] - 1)).toBeLessThan(1e-9);
        }
        expect(decode?.maxRelativeResidual).toBeLessThan(1e-12);
        expect(prefill.maxRelativeResidual).toBeLessThan(1e-12);
        expect(profile.origin.uncertaintyFraction).toBeLessThan(1e-9);
      }),
    );
  });

  it("gives a measured profile up to the largest batch that was measured", () => {
    const { profile } = fitted(
      fitProfile(subject, exactPoints({ alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 })),
    );
    expect(profile).toMatchObject({
      model: "llama-3-8b",
      accelerator: "H100-80G",
      gpusPerReplica: 1,
      weightsGiB: 15,
      maxBatchSize: 64,
      origin: { kind: "measured", source: "test bench" },
    });
  });

  it("is the same however the points are ordered", () => {
    fc.assert(
      fc.property(
        parametersArb.chain((parameters) => {
          const points = exactPoints(parameters).map((point, index) => ({
            ...point,
            ...(point.itlMs === undefined ? {} : { itlMs: point.itlMs * (1 + 0.01 * Math.sin(index)) }),
          }));
          return fc.tuple(
            fc.constant(points),
            fc.shuffledSubarray(points, { minLength: points.length, maxLength: points.length }),
          );
        }),
        ([points, shuffled]) => {
          expect(fitProfile(subject, shuffled)).toEqual(fitProfile(subject, points));
        },
      ),
    );
  });
});

it("takes as many points as anybody has", () => {
  const points = Array.from({ length: 200_000 }, (_, index) => ({
    batch: 1 + (index % 64),
    latencyMs: 5 + (index % 64),
  }));
  expect(fitted(fitRequestProfile(subject, points)).profile).toMatchObject({ maxBatchSize: 64 });
});

describe("a fit of noisy points", () => {
  it("comes within the noise of the truth, inside the interval that it states", () => {
    let inside = 0;
    let runs = 0;
    fc.assert(
      fc.property(
        parametersArb,
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 11, maxLength: 11 }),
        (parameters, noise) => {
          const points = exactPoints(parameters).map((point, index) => {
            const factor = 1 + 0.03 * (noise[index] ?? 0);
            return point.itlMs === undefined
              ? { ...point, ttftMs: (point.ttftMs ?? 0) * factor }
              : { ...point, itlMs: point.itlMs * factor };
          });
          const { profile } = fitted(fitProfile(subject, points, { disaggregated: true }));
          runs++;
          const errors = [1, 16, 64].map((batch) =>
            Math.abs(
              (profile.alphaMs + profile.betaMs * batch) / (parameters.alphaMs + parameters.betaMs * batch) -
                1,
            ),
          );
          for (const error of errors) expect(error).toBeLessThan(0.06);
          if (Math.max(...errors) <= profile.origin.uncertaintyFraction) inside++;
        },
      ),
    );
    expect(inside / runs).toBeGreaterThan(0.8);
  });

  it("holds a parameter at 0 that noise made negative, and says so", () => {
    const flat = [1, 2, 4, 8, 16].map((batch, index) => ({
      batch,
      inputTokens: 500,
      itlMs: 10 + ([0.05, -0.02, 0.03, 0, -0.05][index] ?? 0),
    }));
    const single = prompts.map((inputTokens) => ({ batch: 1, inputTokens, ttftMs: 5 + 0.02 * inputTokens }));
    const { profile, decode } = fitted(fitProfile(subject, [...flat, ...single]));
    expect(profile.betaMs).toBe(0);
    expect(profile.alphaMs).toBeCloseTo(10, 1);
    expect(decode?.heldAtZero).toBe("slope");
  });

  it("assumes a quarter of uncertainty where two points leave nothing to judge by", () => {
    const { profile, decode } = fitted(
      fitProfile(subject, [
        { batch: 1, inputTokens: 100, itlMs: 10, ttftMs: 15 },
        { batch: 8, inputTokens: 100, itlMs: 12 },
        { batch: 1, inputTokens: 1000, ttftMs: 60 },
      ]),
    );
    expect(profile.origin.uncertaintyFraction).toBe(0.25);
    expect(decode).toMatchObject({ degreesOfFreedom: 0, interceptError: Infinity });
  });
});

describe("a fit refuses data that cannot identify the parameters", () => {
  const itl = (batch: number, itlMs: number) => ({ batch, inputTokens: 500, itlMs });
  const ttft = (inputTokens: number, ttftMs: number) => ({ batch: 1, inputTokens, ttftMs });
  const goodItl = [itl(1, 10), itl(8, 11), itl(32, 15)];
  const goodTtft = [ttft(100, 15), ttft(1000, 60), ttft(4000, 210)];

  it.each([
    [
      "no points at all",
      [],
      [
        { kind: "no-points", measured: "ttft" },
        { kind: "no-points", measured: "itl" },
      ],
    ],
    [
      "one batch only",
      [itl(8, 11), itl(8, 11.2), ...goodTtft],
      [{ kind: "one-value", measured: "itl", found: 8 }],
    ],
    [
      "batches too close to each other",
      [itl(100, 20), itl(110, 21), itl(120, 22), ...goodTtft],
      [{ kind: "narrow-range", measured: "itl", found: 1.2, allowed: 1.5 }],
    ],
    [
      "one prompt length only",
      [...goodItl, ttft(500, 30), ttft(500, 31)],
      [{ kind: "one-value", measured: "ttft", found: 500 }],
    ],
    [
      "no request that was alone",
      [...goodItl, { batch: 4, inputTokens: 500, ttftMs: 50 }, { batch: 4, inputTokens: 900, ttftMs: 90 }],
      [{ kind: "no-points", measured: "ttft" }],
    ],
    [
      "latency that falls with the batch",
      [itl(1, 20), itl(2, 19), itl(4, 17), itl(8, 13), ...goodTtft],
      [{ kind: "falling", measured: "itl" }],
    ],
    [
      "latency that begins below 0",
      [...goodItl, ttft(1000, 10), ttft(2000, 60), ttft(3000, 110)],
      [{ kind: "negative-start", measured: "ttft" }],
    ],
    [
      "points that are on no line",
      [itl(1, 5), itl(4, 40), itl(8, 8), itl(16, 90), itl(32, 20), ...goodTtft],
      [{ kind: "no-line", measured: "itl", allowed: 0.5 }],
    ],
  ])("%s", (_what, points, expected) => {
    expect(refusals(fitProfile(subject, points))).toMatchObject(expected);
  });

  it.each([
    ["NaN", Number.NaN],
    ["infinite", Infinity],
    ["negative", -1],
    ["zero", 0],
    ["huge", 1e300],
  ])("%s times, named by their point and field", (_what, itlMs) => {
    expect(refusals(fitProfile(subject, [...goodItl, itl(4, itlMs)]))).toMatchObject([
      { kind: "invalid-point", index: 3, field: "itlMs", found: itlMs },
    ]);
  });

  it("a point whose prefill alone would take longer than what was measured", () => {
    const points = [...goodItl, ...goodTtft, { batch: 64, inputTokens: 4000, outputTokens: 20, itlMs: 12 }];
    expect(refusals(fitProfile(subject, points))).toMatchObject([{ kind: "mostly-prefill", batch: 64 }]);
  });

  it("every problem at once", () => {
    expect(refusals(fitProfile(subject, [itl(8, 11), ttft(500, 30)])).map(({ kind }) => kind)).toEqual([
      "one-value",
      "one-value",
    ]);
  });

  it("never fails otherwise, whatever the numbers", () => {
    const number = fc.oneof(fc.double(), fc.double({ min: 1e-3, max: 1e4 }), fc.constantFrom(1, 2, 8));
    const points = fc.array(
      fc.record(
        { batch: number, inputTokens: number, outputTokens: number, ttftMs: number, itlMs: number },
        { requiredKeys: ["batch", "inputTokens"] },
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(points, (some) => {
        const fit = fitProfile(subject, some);
        if (!fit.ok) {
          expect(fit.refusals.length).toBeGreaterThan(0);
          return;
        }
        const { alphaMs, betaMs, gammaMs, deltaMs, origin } = fit.profile;
        for (const value of [alphaMs, betaMs, gammaMs, deltaMs]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(Infinity);
        }
        expect(origin.uncertaintyFraction).toBeLessThanOrEqual(0.5);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a fit of what a benchmark client measures on the simulated engine", () => {
  const engine = { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 };
  type Answers = "geometric" | "fixed";
  const run = (batch: number, inputTokens: number, outputDistribution: Answers, maxBatchSize = 256) =>
    closedLoop(
      { parameters: engine, maxBatchSize, maxBatchedTokens: 8192 },
      { concurrency: batch, inputTokens, outputTokens: 200, outputDistribution, requests: 40 * batch + 300 },
    );
  const single = [run(1, 256, "fixed"), run(1, 4096, "fixed")];
  const decodeError = (profile: PerformanceProfile, batch: number) =>
    Math.abs((profile.alphaMs + profile.betaMs * batch) / (engine.alphaMs + engine.betaMs * batch) - 1);

  it.each<[string, Answers, number, number]>([
    ["answers that differ in length", "geometric", 1024, 0.05],
    ["answers of one length, which end together", "fixed", 1024, 0.1],
    ["short prompts, many of which are read at once", "geometric", 200, 0.05],
    ["short prompts and answers of one length", "fixed", 200, 0.05],
  ])("recovers all four parameters from %s", (_what, answers, inputTokens, tolerance) => {
    const points = [...[1, 4, 16, 48].map((batch) => run(batch, inputTokens, answers)), ...single];
    const { profile, prefillLeftIn, ttftLeftOut } = fitted(fitProfile(subject, points));
    expect({ prefillLeftIn, ttftLeftOut }).toEqual({ prefillLeftIn: 0, ttftLeftOut: 3 });
    expect(profile.gammaMs).toBeCloseTo(engine.gammaMs, 6);
    expect(profile.deltaMs).toBeCloseTo(engine.deltaMs, 6);
    for (const batch of [1, 16, 48]) expect(decodeError(profile, batch)).toBeLessThan(tolerance);
  });

  it("sees the engine's own limit in requests that wait for a place", () => {
    const points = [...[1, 4, 16, 60].map((batch) => run(batch, 1024, "geometric", 20)), ...single];
    const { profile } = fitted(fitProfile(subject, points));
    expect(profile.maxBatchSize).toBeGreaterThan(16);
    expect(profile.maxBatchSize).toBeLessThanOrEqual(21);
    expect(decodeError(profile, 16)).toBeLessThan(0.1);
  });

  it("takes prefill for decoding where the answers' tokens are not known, and says of how many points", () => {
    const points = [1, 4, 16, 48].map((batch) => run(batch, 1024, "geometric"));
    const { profile, prefillLeftIn } = fitted(
      fitProfile(subject, [...points.map(({ outputTokens: _, ...point }) => point), ...single]),
    );
    expect(prefillLeftIn).toBe(3);
    expect(profile.betaMs).toBeGreaterThan(3 * engine.betaMs);
  });
});

describe("a fit of a request/response model", () => {
  it("recovers latency = a + b·batch", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 50, noNaN: true }),
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        (a, b) => {
          const points = [1, 2, 4, 8, 16].map((batch) => ({ batch, latencyMs: a + b * batch }));
          const { profile } = fitted(fitRequestProfile(subject, points));
          expect(profile).toMatchObject({ alphaMs: 0, betaMs: 0, maxBatchSize: 16 });
          expect(Math.abs(profile.gammaMs / a - 1)).toBeLessThan(1e-8);
          expect(Math.abs(profile.deltaMs / b - 1)).toBeLessThan(1e-8);
        },
      ),
    );
  });

  it("refuses one batch size and times that are none", () => {
    expect(refusals(fitRequestProfile(subject, [{ batch: 4, latencyMs: 8 }]))).toMatchObject([
      { kind: "one-value" },
    ]);
    expect(refusals(fitRequestProfile(subject, [{ batch: 0, latencyMs: 8 }]))).toMatchObject([
      { kind: "invalid-point", index: 0, field: "batch", found: 0 },
    ]);
  });
});
