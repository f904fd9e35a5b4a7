import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readInfernoDocument, readInfernoFiles } from "../../../optimizer/inferno/read-system.ts";
import type { InfernoReading } from "../../../optimizer/inferno/read-system.ts";

const files = {
  acceleratorData: { accelerators: [{ name: "G2", type: "G2", multiplicity: 1, cost: 23, memSize: 128 }] },
  modelData: {
    models: [
      {
        name: "m",
        acc: "G2",
        accCount: 2,
        maxBatchSize: 8,
        atTokens: 512,
        decodeParms: { alpha: 10, beta: 1 },
        prefillParms: { gamma: 20, delta: 0.1 },
      },
    ],
  },
  serviceClassData: {
    serviceClasses: [{ name: "Free", priority: 50, modelTargets: [{ model: "m", "slo-itl": 30 }] }],
  },
  serverData: {
    servers: [
      {
        name: "s",
        class: "Free",
        model: "m",
        currentAlloc: { load: { arrivalRate: 60, avgInTokens: 100, avgOutTokens: 200 } },
      },
    ],
  },
  capacityData: { count: [{ type: "G2", count: 8 }] },
  optimizerData: { optimizer: { unlimited: true, saturationPolicy: "RoundRobin" } },
};

function systemOf(reading: InfernoReading) {
  if (!reading.ok) throw new RangeError(JSON.stringify(reading.problems));
  return reading.system;
}

function problemsOf(reading: InfernoReading) {
  return reading.ok ? [] : reading.problems;
}

/** The files with one value replaced; a path may lead to keys that are not there yet. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(files) as unknown;
  let inner = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) inner = inner[step] as Record<string | number, unknown>;
  inner[path.at(-1) ?? ""] = value;
  return copy;
}

function withKeys(value: unknown, change: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withKeys(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [change(key), withKeys(inner, change)]),
  );
}

describe("Inferno's data files", () => {
  it("are read from six documents or from one", () => {
    const system = systemOf(readInfernoFiles(files));
    expect(system.servers[0]).toMatchObject({ name: "s", requestsPerMinute: 60, minReplicas: 0 });
    expect(system.models[0]).toMatchObject({ acceleratorCount: 2, alphaMs: 10, deltaMs: 0.1 });
    expect(system.serviceClasses[0]?.targets).toEqual([
      { model: "m", itlMs: 30, ttftMs: 0, tokensPerSecond: 0 },
    ]);
    expect(systemOf(readInfernoDocument({ system: files }))).toEqual(system);
  });

  it("have keys of any case", () => {
    const expected = systemOf(readInfernoFiles(files));
    const flips = fc.func(fc.boolean());
    fc.assert(
      fc.property(flips, (flip) => {
        const change = (key: string) =>
          [...key]
            .map((letter, at) => (flip(key, at) ? letter.toUpperCase() : letter.toLowerCase()))
            .join("");
        const document = withKeys({ system: files }, change);
        expect(systemOf(readInfernoDocument(document))).toEqual(expected);
      }),
    );
  });

  it("may leave out capacity and options, and whole files in one document", () => {
    const { acceleratorData, modelData, serviceClassData, serverData } = files;
    const system = systemOf(readInfernoFiles({ acceleratorData, modelData, serviceClassData, serverData }));
    expect(system.capacity).toEqual([]);
    expect(system.options).toEqual({
      unlimited: false,
      heterogeneous: false,
      delayedBestEffort: false,
      saturationPolicy: "None",
    });
    expect(systemOf(readInfernoDocument({ system: {} })).servers).toEqual([]);
  });

  it("are read as leniently as Go reads them: unknown keys, nulls and missing fields", () => {
    const servers = [{ name: "s", colour: "red", class: null, currentAlloc: null, maxBatchSize: null }];
    const system = systemOf(readInfernoFiles({ ...files, serverData: { servers, note: 1 } }));
    expect(system.servers[0]).toEqual({
      name: "s",
      serviceClass: "Free",
      model: "",
      keepAccelerator: false,
      minReplicas: 0,
      maxBatchSize: 0,
      current: { accelerator: "", replicas: 0, cost: 0 },
      requestsPerMinute: 0,
      inputTokens: 0,
      outputTokens: 0,
    });
    expect(systemOf(readInfernoFiles({ ...files, serverData: null })).servers).toEqual([]);
  });

  it("say which policy holds in any case of letters", () => {
    const path = ["optimizerData", "optimizer", "saturationPolicy"];
    const policyOf = (text: unknown) =>
      systemOf(readInfernoFiles(changed(path, text) as object)).options.saturationPolicy;
    expect(policyOf("priorityexhaustive")).toBe("PriorityExhaustive");
    expect(policyOf("")).toBe("None");
    expect(problemsOf(readInfernoFiles(changed(path, "Fair") as object))).toMatchObject([
      { kind: "type", path, found: `"Fair"` },
    ]);
  });

  it("give a class without a priority, or with one out of range, the least", () => {
    for (const [priority, expected] of [
      [1, 1],
      [100, 100],
      [0, 100],
      [-5, 100],
      [101, 100],
      [null, 100],
    ]) {
      const document = changed(["serviceClassData", "serviceClasses", 0, "priority"], priority);
      expect(systemOf(readInfernoFiles(document as object)).serviceClasses[0]?.priority).toBe(expected);
    }
  });
});

describe("what is wrong in Inferno's data files is a problem with its place", () => {
  const server = ["serverData", "servers", 0] as const;
  const model = ["modelData", "models", 0] as const;
  it.each([
    ["a negative rate", [...server, "currentAlloc", "load", "arrivalRate"], -1],
    ["a rate that is a text", [...server, "currentAlloc", "load", "arrivalRate"], "60"],
    ["an infinite rate", [...server, "currentAlloc", "load", "arrivalRate"], Infinity],
    ["a rate that is no number", [...server, "currentAlloc", "load", "arrivalRate"], NaN],
    ["a rate beyond single precision", [...server, "currentAlloc", "load", "arrivalRate"], 1e39],
    ["a fraction of a token", [...server, "currentAlloc", "load", "avgOutTokens"], 1.5],
    ["a count beyond what is exact", [...server, "minNumReplicas"], 2 ** 60],
    ["a name that is a number", [...server, "name"], 5],
    ["an empty name", [...server, "name"], ""],
    ["a flag that is a text", [...server, "keepAccelerator"], "yes"],
    ["a negative time", [...model, "decodeParms", "alpha"], -0.1],
    ["a list for an object", [...model, "prefillParms"], []],
    ["an object for a list", ["modelData", "models"], {}],
    ["a number for a file", ["modelData"], 3],
    ["a negative cost", ["acceleratorData", "accelerators", 0, "cost"], -23],
    ["a negative count", ["capacityData", "count", 0, "count"], -1],
    ["a negative target", ["serviceClassData", "serviceClasses", 0, "modelTargets", 0, "slo-itl"], -1],
  ])("%s", (_what, path, value) => {
    const problems = problemsOf(readInfernoFiles(changed(path, value) as object));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toEqual(path);
    expect(problems[0]?.allowed).not.toBe("");
  });

  it("a missing name", () => {
    const problems = problemsOf(readInfernoFiles(changed([...server], { model: "m" }) as object));
    expect(problems).toMatchObject([{ kind: "missing", path: server, found: "no name" }]);
  });

  it.each([
    ["accelerators", "acceleratorData", "accelerators"],
    ["models on an accelerator", "modelData", "models"],
    ["classes", "serviceClassData", "serviceClasses"],
    ["servers", "serverData", "servers"],
    ["counts", "capacityData", "count"],
  ] as const)("%s of the same name", (_what, file, list) => {
    const entries = (files[file] as unknown as Record<string, readonly unknown[]>)[list] ?? [];
    const problems = problemsOf(readInfernoFiles(changed([file, list], [...entries, ...entries]) as object));
    expect(problems).toMatchObject([{ kind: "duplicate", path: [file, list, 1] }]);
  });

  it("all of them at once, but not a million times the same", () => {
    const servers = Array.from({ length: 1000 }, (_, at) => ({ name: `s${at}`, maxBatchSize: -1 }));
    const problems = problemsOf(readInfernoFiles({ ...files, serverData: { servers }, modelData: [] }));
    expect(problems).toHaveLength(50);
    expect(problems.map(({ path }) => path[0])).toContain("modelData");
  });

  it("never a crash, whatever the document is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (document, servers) => {
        readInfernoDocument(document);
        readInfernoFiles({ ...files, serverData: { servers } });
        readInfernoFiles({ ...files, acceleratorData: { accelerators: [servers] } });
      }),
    );
  });
});

describe("a document in one piece", () => {
  it.each([{}, { acceleratorData: {} }])("is refused without its key: %j", (document) => {
    expect(readInfernoDocument(document)).toMatchObject({ ok: false });
  });
});
