import { describe, expect, test } from "vitest";
import { engineProfiles } from "../../../../platform/engines/registry.ts";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { modelProxyProblems } from "../../../../platform/spec/rules/model-proxy.ts";

const dev: Raw = { metadata: { stage: "dev" } };
const two = { versions: [{ version: 1 }, { version: "2026-05" }] };

/** The problems of one model's `proxy` in an engine of this type. */
function problemsOf(
  proxy: unknown,
  {
    type = "triton",
    engine = {},
    model = {},
    spec = dev,
  }: { type?: "triton" | "vllm" | "dynamo"; engine?: Raw; model?: Raw; spec?: Raw } = {},
) {
  const entry = { ...engine, models: [{ name: "bert", proxy, ...model }] };
  return modelProxyProblems(spec, entry, ["engines", 0], engineProfiles[type]);
}
const here = ["engines", 0, "models", 0, "proxy"];

describe("what the proxy does for a model", () => {
  test.each([
    [{ concurrency: { running: 1, queued: 0 }, rate: { requests: "1/s" }, stateful: true }, {}],
    [{ aliases: { stable: 1, next: "2026-05" }, sticky: "caller" }, { model: two }],
    [{ aliases: { stable: 1 } }, {}],
    [{ aliases: { stable: 7 } }, { model: { version: 7 } }],
    [{ affinity: "prefix", rate: { tokens: "1/s" } }, { type: "vllm" as const }],
    [{ affinity: { header: "x-session" }, allow: { users: ["jane"] } }, {}],
    [{ pinned: true }, { engine: { loading: "on-demand", unloading: { idle: "5min" } } }],
    [{ pinned: false, stateful: false }, {}],
  ])("raises nothing where it has an effect: %j", (proxy, around) => {
    expect(problemsOf(proxy, around)).toEqual([]);
  });

  test("of the wrong types is the schema's to report", () => {
    expect(problemsOf(5)).toEqual([]);
    expect(problemsOf({ aliases: 5, affinity: 5, rate: 5, pinned: 5 })).toEqual([]);
    expect(problemsOf({ aliases: { stable: {} } }, { model: { versions: 5 } })).toEqual([]);
  });

  test("stands under another name for a version that there is", () => {
    expect(problemsOf({ aliases: { stable: 9 } }, { model: two })).toEqual([
      {
        code: "SPEC_REFERENCE_UNKNOWN",
        path: [...here, "aliases", "stable"],
        message: 'the model has no version "9"',
        allowed: "1, 2026-05",
      },
    ]);
  });

  test.each([
    ["latest", "latest always is the highest version"],
    ["2026-05", '"2026-05" already is a version of the model'],
  ])("does not stand under the name %s, which means something already", (alias, message) => {
    expect(problemsOf({ aliases: { [alias]: 1 } }, { model: two })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...here, "aliases", alias],
        atKey: true,
        message,
        allowed: "another name, such as stable",
      },
    ]);
  });

  test("keeps callers at one of several versions", () => {
    expect(problemsOf({ sticky: { header: "x-user" } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...here, "sticky"],
        atKey: true,
        message: "the model has one version, at which every caller stays",
        allowed: "sticky with versions",
      },
    ]);
  });

  test("looks for cached prompts where an engine caches them", () => {
    expect(problemsOf({ affinity: "prefix" })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...here, "affinity"],
        message: "NVIDIA Triton Inference Server keeps no cache of prompts",
        allowed: "{header: …}, or no such key",
      },
    ]);
  });

  test("leaves the choice of the replica to the frontends that make it", () => {
    expect(problemsOf({ affinity: "prefix" }, { type: "dynamo" })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...here, "affinity"],
        atKey: true,
        message: "the frontends of NVIDIA Dynamo choose the replica, not the proxy",
        allowed: "no such key",
      },
    ]);
  });

  test("counts tokens where there are some", () => {
    expect(problemsOf({ rate: { tokens: "1/s" } })).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", path: [...here, "rate", "tokens"], allowed: "requests" },
    ]);
  });

  test.each([
    ["preloads", {}],
    ["keeps all that it loads", { loading: "on-demand" }],
  ])("pins nothing in an engine that %s", (_, engine: Raw) => {
    expect(problemsOf({ pinned: true }, { engine })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: [...here, "pinned"],
        atKey: true,
        message: "nothing unloads the models of this engine",
        allowed: "pinned with loading: on-demand and unloading",
      },
    ]);
  });

  test.each([
    [{ ...dev, proxy: { auth: "none" } }, "and proxy.auth is none"],
    [{ metadata: { stage: "local" } }, "and at stage local the proxy asks nobody who he is"],
  ])("asks who a caller is only where that is known: %j", (spec, reason) => {
    expect(problemsOf({ allow: { users: ["jane"] }, sticky: "caller" }, { spec, model: two })).toMatchObject([
      { path: [...here, "sticky"], message: expect.stringContaining(reason) },
      { path: [...here, "allow"], message: expect.stringContaining(reason) },
    ]);
    expect(problemsOf({ sticky: { header: "x-user" } }, { spec, model: two })).toEqual([]);
  });
});

describe("unloading", () => {
  const engine = (unloading: unknown, pinned: number, rest: Raw = { loading: "on-demand" }) =>
    modelProxyProblems(
      dev,
      {
        unloading,
        ...rest,
        models: [0, 1, 2].map((index) => ({ name: `m${index}`, proxy: { pinned: index < pinned } })),
      },
      ["engines", 0],
      engineProfiles.triton,
    );

  test("is for models that are loaded on demand", () => {
    expect(engine({ idle: "5min" }, 0, {})).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["engines", 0, "unloading"],
        atKey: true,
        message: "models that are loaded at start are not unloaded again",
        allowed: "unloading with loading: on-demand",
      },
    ]);
  });

  test("leaves room for one model beside the pinned ones, and none where all are", () => {
    expect(engine({ maxLoaded: 2 }, 1)).toEqual([]);
    expect(engine({ maxLoaded: 3 }, 3)).toEqual([]);
    expect(engine({ idle: "5min" }, 2)).toEqual([]);
    expect(engine({ maxLoaded: 2 }, 2)).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["engines", 0, "unloading", "maxLoaded"],
        message: "2 of 3 models are pinned, so 2 at a time leave no room for the others",
        allowed: "at least 3",
      },
    ]);
  });
});
