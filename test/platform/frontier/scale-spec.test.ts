import { expect, test } from "vitest";
import { chosenTraffic } from "../../../platform/frontier/chosen-traffic.ts";
import { scaleSpec } from "../../../platform/frontier/scale-spec.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const spec = parsed(smallSpec);
const everyone = chosenTraffic(spec, {}).traffic;
const trafficOf = (scaled: typeof spec) =>
  scaled.engines.flatMap((engine) => engine.models.flatMap((model) => model.traffic));

test("load multiplies the rates and keeps tokens and targets", () => {
  const scaled = trafficOf(scaleSpec(spec, "load", 2.5, everyone));
  expect(scaled.map(({ load }) => load.rate)).toEqual([1500, 150, 150]);
  expect(scaled.map(({ load }) => load.inputTokens)).toEqual([undefined, undefined, 512]);
  expect(scaled.map(({ slo }) => slo)).toEqual(trafficOf(spec).map(({ slo }) => slo));
});

test("targets are multiplied all together, and a server without targets gets none", () => {
  const scaled = trafficOf(scaleSpec(spec, "slo", 0.5, everyone));
  expect(scaled.map(({ slo }) => slo)).toEqual([
    { latencyP95: 25 },
    undefined,
    { ttftP95: 1000, itlMean: 20 },
  ]);
  expect(scaled.map(({ load }) => load)).toEqual(trafficOf(spec).map(({ load }) => load));
});

test("the factor 1 changes nothing, and no factor changes the spec that was given", () => {
  const before = structuredClone(spec);
  expect(scaleSpec(spec, "load", 1, everyone)).toEqual(spec);
  expect(scaleSpec(spec, "slo", 1, everyone)).toEqual(spec);
  scaleSpec(spec, "load", 3, everyone);
  expect(spec).toEqual(before);
});

test("traffic that is not chosen stays as it is", () => {
  const { traffic } = chosenTraffic(spec, { model: "llama-3-70b" });
  const scaled = trafficOf(scaleSpec(spec, "load", 2, traffic));
  expect(scaled.map(({ load }) => load.rate)).toEqual([600, 60, 120]);
});
