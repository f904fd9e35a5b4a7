import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { autoscalingProblems } from "../../../platform/scaling/autoscaling-rules.ts";
import { measurementProblems } from "../../../platform/scaling/measurement-rules.ts";
import type { Raw } from "../../../platform/spec/raw.ts";

const spec: Raw = { catalog: "2026-11", metadata: { stage: "prod" } };

/** Problems of a vLLM engine with one model, as code and path. */
function ofModel(model: Raw, { engine = {}, spec: more = {} }: { engine?: Raw; spec?: Raw } = {}) {
  return shown(
    autoscalingProblems(
      { ...spec, ...more },
      { ...engine, models: [model] },
      ["engines", 0],
      engineProfiles.vllm,
    ),
  );
}

function ofTriton(engine: Raw) {
  return shown(autoscalingProblems(spec, { models: [{}], ...engine }, ["engines", 0], engineProfiles.triton));
}

function shown(problems: ReturnType<typeof autoscalingProblems>) {
  return problems.map(({ code, path, allowed }) => `${code} ${path.join(".")}: ${allowed}`);
}

const here = "engines.0.models.0";

describe("autoscaling of a model", () => {
  test("is fine with bounds alone", () => {
    expect(ofModel({ autoscaling: { maxReplicas: 4 } })).toEqual([]);
    expect(ofModel({})).toEqual([]);
  });

  test("needs a most that is not below its least", () => {
    expect(ofModel({ autoscaling: { minReplicas: 3, maxReplicas: 2 } })).toEqual([
      `SPEC_VALUE_CONFLICT ${here}.autoscaling.maxReplicas: at least 3`,
    ]);
    expect(ofModel({ autoscaling: { minReplicas: 3, maxReplicas: 3 } })).toEqual([]);
  });

  const nearest = "minReplicas: 1, or scaler: keda with signal: request-rate";
  test.each([
    [{}, nearest],
    [{ signal: "gpu-utilisation" }, nearest],
    [{ scaler: "hpa" }, nearest],
    [{ scaler: "hpa", signal: "request-rate" }, nearest],
  ])("goes to no replica only by a signal that is still there: not %j", (choice, allowed) => {
    expect(ofModel({ autoscaling: { minReplicas: 0, maxReplicas: 2, ...choice } })).toEqual([
      `SPEC_COMBINATION_UNSUPPORTED ${here}.autoscaling.minReplicas: ${allowed}`,
    ]);
  });

  test("goes to no replica by the request rate", () => {
    expect(ofModel({ autoscaling: { minReplicas: 0, maxReplicas: 2, signal: "request-rate" } })).toEqual([]);
  });

  test("aims at no more of a GPU than there is", () => {
    const autoscaling = { maxReplicas: 2, signal: "gpu-utilisation", target: 120 };
    expect(ofModel({ autoscaling })).toEqual([
      `SPEC_VALUE_CONFLICT ${here}.autoscaling.target: a number above 0, at most 100`,
    ]);
    expect(ofModel({ autoscaling: { ...autoscaling, target: 100 } })).toEqual([]);
    expect(ofModel({ autoscaling: { ...autoscaling, signal: "request-rate" } })).toEqual([]);
  });

  test("is refused beside fixed replicas, its own or inherited from the engine", () => {
    const problem = `SPEC_VALUE_CONFLICT ${here}.replicas: one of them`;
    expect(ofModel({ replicas: 2, autoscaling: { maxReplicas: 4 } })).toEqual([problem]);
    expect(ofModel({ replicas: 2 }, { engine: { autoscaling: { maxReplicas: 4 } } })).toEqual([problem]);
  });

  test("is refused beside fixed shares of two accelerators", () => {
    expect(ofModel({ splitAccelerators: true, autoscaling: { maxReplicas: 4 } })).toEqual([
      `SPEC_COMBINATION_UNSUPPORTED ${here}.splitAccelerators: one of them`,
    ]);
    expect(ofModel({ splitAccelerators: false, autoscaling: { maxReplicas: 4 } })).toEqual([]);
  });

  test("cannot follow the utilisation of slices, which nobody measures", () => {
    const autoscaling = { maxReplicas: 2, signal: "gpu-utilisation" };
    const use = ["L4", "H100-80G-1g.10gb"];
    expect(ofModel({ autoscaling }, { spec: { accelerators: { use } } })).toEqual([
      `SPEC_COMBINATION_UNSUPPORTED ${here}.autoscaling.signal: signal: queue or request-rate, or accelerators that are whole cards`,
    ]);
    expect(ofModel({ autoscaling }, { spec: { accelerators: { use: ["L4"] } } })).toEqual([]);
  });
});

describe("autoscaling of an engine whose models share replicas", () => {
  test("is refused beside its replicas", () => {
    expect(ofTriton({ replicas: 2, autoscaling: { maxReplicas: 4 } })).toEqual([
      "SPEC_VALUE_CONFLICT engines.0.replicas: one of them",
    ]);
  });

  test("is refused where models are loaded on demand, on one replica", () => {
    expect(ofTriton({ loading: "on-demand", autoscaling: { maxReplicas: 4 } })).toEqual([
      "SPEC_COMBINATION_UNSUPPORTED engines.0.autoscaling: loading: preload",
    ]);
    expect(ofTriton({ loading: "preload", autoscaling: { maxReplicas: 4 } })).toEqual([]);
  });
});

describe("what autoscaling reads", () => {
  const of = (autoscaling: Raw | undefined, observability?: Raw, stage = "prod") =>
    measurementProblems({
      metadata: { stage },
      ...(observability ? { observability } : {}),
      engines: [{ models: [autoscaling ? { autoscaling } : {}, autoscaling ? { autoscaling } : {}] }],
    }).map(({ code, path }) => `${code} ${path.join(".")}`);

  test("has to be measured, and KEDA told where: each is missed once", () => {
    expect(of({ maxReplicas: 2 })).toEqual([
      "SPEC_KEY_MISSING observability.podMonitors",
      "SPEC_KEY_MISSING observability.prometheus",
    ]);
    expect(of({ maxReplicas: 2 }, { podMonitors: {}, prometheus: "http://p.monitoring.svc:9090" })).toEqual(
      [],
    );
  });

  test("is let in: monitors without a known place of Prometheus would find every door shut", () => {
    const missing = ["SPEC_KEY_MISSING observability.podMonitors.namespace"];
    expect(of(undefined, { podMonitors: {} })).toEqual(missing);
    expect(of(undefined, { podMonitors: {}, prometheus: "https://prometheus.acme.example" })).toEqual(
      missing,
    );
    expect(of(undefined, { podMonitors: { namespace: "monitoring" } })).toEqual([]);
  });

  test("needs no address for an adapter, which has its own", () => {
    expect(of({ scaler: "hpa", maxReplicas: 2 }, { podMonitors: { namespace: "monitoring" } })).toEqual([]);
  });

  test("needs nothing where nothing scales", () => {
    expect(of(undefined)).toEqual([]);
    expect(of({ maxReplicas: 2 }, undefined, "local")).toEqual([]);
  });
});
