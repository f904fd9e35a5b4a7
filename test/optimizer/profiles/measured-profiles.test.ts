import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { fitOverContext, keptTokens } from "../../../optimizer/profiles/context-fit.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";
import { measuredProfiles, measuredSets } from "../../../optimizer/profiles/measured/measured-profiles.ts";
import type { MeasuredPoint } from "../../../optimizer/profiles/measured-point.ts";
import { publishedPoints, type PublishedPoints } from "./published-points.ts";

const model = (name: string) => certain(newestCatalog.models.find((one) => one.name === name));
const { accelerators } = newestCatalog;
const chat = { inputTokens: 1000, outputTokens: 500 };

const pointsOf = ({ runs }: PublishedPoints): Required<MeasuredPoint>[] =>
  runs.flatMap(({ rows, ...tokens }) =>
    rows.map(([batch, ttftMs, itlMs]) => ({ batch, ttftMs, itlMs, ...tokens })),
  );

function fitted(points: readonly Required<MeasuredPoint>[]) {
  const fit = fitOverContext(points, 8192);
  if (!fit.ok) throw new Error(JSON.stringify(fit.refusal));
  return fit;
}

describe.each(
  publishedPoints.map(
    (points) => [`${points.model} on ${points.gpusPerReplica} x ${points.accelerator}`, points] as const,
  ),
)("the shipped measurement of %s", (_name, published) => {
  const shipped = certain(
    measuredSets.find(
      ({ models, accelerator, gpusPerReplica }) =>
        models.includes(published.model) &&
        accelerator === published.accelerator &&
        gpusPerReplica === published.gpusPerReplica,
    ),
  );

  it("has the parameters that the published points give, and their uncertainty", () => {
    const { parameters, uncertaintyFraction, pointCount } = fitted(pointsOf(published));
    for (const name of ["alphaMs", "betaMs", "betaMsPerToken", "gammaMs", "deltaMs"] as const) {
      expect(shipped.parameters[name] / parameters[name]).toBeCloseTo(1, 4);
    }
    expect(shipped.uncertaintyFraction).toBeGreaterThanOrEqual(uncertaintyFraction);
    expect(shipped.uncertaintyFraction).toBeLessThan(uncertaintyFraction + 0.01);
    expect(pointCount).toBeGreaterThan(30);
  });

  it("is within the stated uncertainty of an estimate", () => {
    for (const { inputTokens, outputTokens, rows } of published.runs) {
      const estimate = certain(
        estimateProfiles(model(published.model), accelerators, { inputTokens, outputTokens }).profiles.find(
          ({ accelerator, gpusPerReplica }) =>
            accelerator === published.accelerator && gpusPerReplica === published.gpusPerReplica,
        ),
      );
      const [, ttftMs, itlMs] = certain(rows[0]);
      const { uncertaintyFraction } = estimate.origin;
      expect(Math.abs((estimate.alphaMs + estimate.betaMs) / itlMs - 1)).toBeLessThan(uncertaintyFraction);
      expect(Math.abs((estimate.gammaMs + estimate.deltaMs * inputTokens) / ttftMs - 1)).toBeLessThan(
        uncertaintyFraction,
      );
    }
  });
});

describe("measured profiles", () => {
  it("are found by model, for the lengths of its sequences", () => {
    const found = measuredProfiles(model("llama-3-8b"), accelerators, chat);
    expect(found.map(({ profile }) => [profile.accelerator, profile.gpusPerReplica])).toEqual([
      ["A100-80G", 1],
      ["A100-80G", 2],
      ["H100-80G", 1],
      ["H100-80G", 2],
    ]);
    const { profile, engine } = certain(found[2]);
    expect(engine).toBe("tensorrt-llm");
    expect(profile).toMatchObject({ model: "llama-3-8b", maxBatchSize: 100, origin: { kind: "measured" } });
    expect(profile.origin.source).toContain("NVIDIA");
    const long = certain(
      measuredProfiles(model("llama-3-8b"), accelerators, { inputTokens: 6000, outputTokens: 1000 })[2],
    );
    expect(long.profile.betaMs).toBeGreaterThan(3 * profile.betaMs);
    expect(long.profile.alphaMs).toBe(profile.alphaMs);
  });

  it("hold of the newer model with the same network, and of no other", () => {
    const times = (name: string) =>
      measuredProfiles(model(name), accelerators, chat).map(({ profile: { model: _, ...rest } }) => rest);
    expect(times("llama-3.1-70b")).toEqual(times("llama-3-70b"));
    expect(times("llama-3-70b")).toHaveLength(4);
    expect(times("mistral-7b")).toEqual([]);
    expect(measuredProfiles({ ...model("llama-3-8b"), bytesPerWeight: 1 }, accelerators, chat)).toEqual([]);
  });

  it("are none beyond the lengths that were measured, on accelerators that are not there, or without the memory", () => {
    const llama = model("llama-3.1-8b");
    expect(measuredProfiles(llama, accelerators, { inputTokens: 50, outputTokens: 50 })).toEqual([]);
    expect(measuredProfiles(llama, accelerators, { inputTokens: 20_000, outputTokens: 500 })).toEqual([]);
    expect(measuredProfiles(llama, [], chat)).toEqual([]);
    const tiny = accelerators.map((one) => ({ ...one, memoryGiB: 16 }));
    expect(measuredProfiles(llama, tiny, chat).every(({ profile }) => profile.gpusPerReplica === 2)).toBe(
      true,
    );
  });

  it("hold no more sequences than memory does", () => {
    for (const { profile } of measuredProfiles(model("llama-3-70b"), accelerators, {
      inputTokens: 6000,
      outputTokens: 1000,
    })) {
      const { memoryGiB } = certain(accelerators.find(({ name }) => name === profile.accelerator));
      // 320 KiB of keys and values a token in 80 layers of 8 heads.
      const kvGiB = (profile.maxBatchSize * 7000 * 320) / 2 ** 20;
      expect(profile.weightsGiB + kvGiB).toBeLessThanOrEqual(0.9 * memoryGiB * profile.gpusPerReplica);
    }
  });
});

describe("a fit over sequence lengths", () => {
  const truth = { alphaMs: 8, betaMs: 0.05, betaMsPerToken: 1e-4, gammaMs: 10, deltaMs: 0.02 };
  // Few others and long answers: next to no prefill between tokens, so that the truth is nearly exact.
  const points = [200, 1000, 4000].flatMap((inputTokens) =>
    [1, 2, 4, 8].map((batch) => ({
      batch,
      inputTokens,
      outputTokens: 1e6,
      ttftMs: truth.gammaMs + truth.deltaMs * inputTokens,
      itlMs: truth.alphaMs + (truth.betaMs + truth.betaMsPerToken * (inputTokens + 5e5)) * batch,
    })),
  );

  it("recovers all five parameters, however the points are ordered", () => {
    const { parameters, maxRelativeResidual } = fitted(points);
    // Five hundred thousand kept tokens differ by four thousand only: the two betas are told apart by that.
    expect(parameters.alphaMs).toBeCloseTo(truth.alphaMs, 2);
    expect(parameters.gammaMs).toBeCloseTo(truth.gammaMs, 9);
    expect(parameters.deltaMs).toBeCloseTo(truth.deltaMs, 9);
    expect(parameters.betaMs + parameters.betaMsPerToken * 502_000).toBeCloseTo(
      truth.betaMs + truth.betaMsPerToken * 502_000,
      3,
    );
    expect(maxRelativeResidual).toBeLessThan(1e-4);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(points, { minLength: points.length, maxLength: points.length }),
        (shuffled) => {
          expect(fitOverContext(shuffled, 8192)).toEqual(fitOverContext(points, 8192));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("refuses points of one length and points without single requests", () => {
    const sameLength = points.filter(({ inputTokens }) => inputTokens === 200);
    expect(fitOverContext(sameLength, 8192)).toMatchObject({
      ok: false,
      refusal: { kind: "one-value", measured: "ttft" },
    });
    expect(
      fitOverContext(
        points.filter(({ batch }) => batch > 1),
        8192,
      ),
    ).toMatchObject({
      ok: false,
      refusal: { kind: "no-points" },
    });
    const oneContext = points.map((point) => ({ ...point, outputTokens: 2 * (10_000 - point.inputTokens) }));
    expect(new Set(oneContext.map(keptTokens)).size).toBe(1);
    expect(fitOverContext(oneContext, 8192)).toMatchObject({ ok: false, refusal: { kind: "dependent" } });
  });
});
