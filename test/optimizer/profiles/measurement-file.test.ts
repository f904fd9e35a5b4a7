import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { MeasuredPoint } from "../../../optimizer/profiles/measured-point.ts";
import { csvRows } from "../../../optimizer/profiles/measurements/csv-rows.ts";
import {
  mostCharacters,
  readMeasurements,
  type MeasurementFile,
} from "../../../optimizer/profiles/measurements/measurement-file.ts";

/** Files in the shape of the tools' exports, with times of the simulated engine. */
const file = (name: string) => readFileSync(new URL(`data/${name}`, import.meta.url), "utf8");

type Json = Record<string, unknown>;
const aiperf = (change: (export_: Json) => void = () => undefined) => {
  const value = JSON.parse(file("aiperf-c16-isl1024.json")) as Json;
  change(value);
  return JSON.stringify(value);
};

function points(read: MeasurementFile): readonly MeasuredPoint[] {
  if (!read.ok || read.task !== "generation") throw new Error(JSON.stringify(read));
  return read.points;
}

function problems(read: MeasurementFile) {
  if (read.ok) throw new Error("expected problems");
  return read.problems;
}

describe("an export of AIPerf or GenAI-Perf", () => {
  it("in JSON is one point with the run's means and the concurrency of its counted phase", () => {
    expect(points(readMeasurements(aiperf()))).toEqual([
      { batch: 16, inputTokens: 1024, outputTokens: 199.740426, ttftMs: 75.755638, itlMs: 14.234013 },
    ]);
  });

  it.each([
    ["older AIPerf", "aiperf-c1-isl256.json", { batch: 1, inputTokens: 256 }],
    ["GenAI-Perf", "genai-perf-c16-isl1024.json", { batch: 16, inputTokens: 1024 }],
  ])("is read from %s", (_what, name, expected) => {
    expect(points(readMeasurements(file(name)))).toMatchObject([expected]);
  });

  it("in CSV is the same point to its two digits, with the concurrency by Little's law", () => {
    const [single] = points(readMeasurements(file("aiperf-c1-isl4096.csv")));
    expect(single).toMatchObject({ batch: 1, inputTokens: 4096, ttftMs: 214.8 });
    const [sixteen] = points(readMeasurements(file("genai-perf-c16-isl1024.csv")));
    const [json] = points(readMeasurements(file("genai-perf-c16-isl1024.json")));
    expect(sixteen?.batch).toBeCloseTo(16, 1);
    expect(sixteen?.itlMs).toBeCloseTo(json?.itlMs ?? 0, 2);
    expect(sixteen?.outputTokens).toBeCloseTo(json?.outputTokens ?? 0, 2);
  });

  it("takes the caller's concurrency before its own", () => {
    expect(points(readMeasurements(aiperf(), 12))).toMatchObject([{ batch: 12 }]);
    expect(points(readMeasurements(file("genai-perf-c16-isl1024.csv"), 16))).toMatchObject([{ batch: 16 }]);
  });

  it("sent at a rate has the requests that one meets, and itself, in flight", () => {
    const [point] = points(
      readMeasurements(
        aiperf((value) => {
          value["input_config"] = { phases: [{ type: "poisson", rate: 4, concurrency: 500 }] };
          value["request_throughput"] = { unit: "requests/sec", avg: 4 };
          value["request_latency"] = { unit: "sec", avg: 2.5 };
        }),
      ),
    );
    expect(point?.batch).toBeCloseTo(11, 9);
  });

  it.each([
    ["sec", 0.0142, 14.2],
    ["us", 14_200, 14.2],
    ["ns", 14_200_000, 14.2],
  ])("states times in %s", (unit, avg, expected) => {
    const [point] = points(
      readMeasurements(aiperf((value) => (value["inter_token_latency"] = { unit, avg }))),
    );
    expect(point?.itlMs).toBeCloseTo(expected, 9);
  });
});

describe("an export that cannot be used says why", () => {
  it.each<[string, string, unknown]>([
    ["cut off", aiperf().slice(0, 500), [{ kind: "malformed" }]],
    ["empty", "", [{ kind: "foreign" }]],
    ["of another tool", '{"results":{"itl":5}}', [{ kind: "foreign" }]],
    [
      "the aggregate of several runs",
      '{"inter_token_latency":{"mean":5,"unit":"ms"}}',
      [
        { kind: "invalid", field: "inter_token_latency.avg" },
        { kind: "missing", field: "time_to_first_token and inter_token_latency" },
        { kind: "missing", field: "input_sequence_length" },
        { kind: "missing", field: "concurrency" },
      ],
    ],
    ["of a cancelled run", aiperf((value) => (value["was_cancelled"] = true)), [{ kind: "cancelled" }]],
    [
      "of a run that did not stream",
      aiperf((value) => {
        delete value["time_to_first_token"];
        delete value["inter_token_latency"];
      }),
      [{ kind: "missing", field: "time_to_first_token and inter_token_latency" }],
    ],
    [
      "with an unknown unit",
      aiperf((value) => (value["time_to_first_token"] = { unit: "fortnights", avg: 1 })),
      [{ kind: "unknown-unit", field: "time_to_first_token", found: "fortnights" }],
    ],
    [
      "with a mean that is none",
      aiperf((value) => (value["time_to_first_token"] = { unit: "ms", avg: null })),
      [{ kind: "invalid", field: "time_to_first_token.avg", found: "null" }],
    ],
    [
      "of a run that mostly failed",
      aiperf((value) => (value["error_request_count"] = { unit: "requests", avg: 900 })),
      [{ kind: "failed-requests", found: "900 of 2500" }],
    ],
    [
      "without any word of its concurrency",
      aiperf((value) => {
        delete value["input_config"];
        delete value["request_throughput"];
      }),
      [{ kind: "missing", field: "concurrency" }],
    ],
    ["larger than any", `{"a":"${"x".repeat(mostCharacters)}"}`, [{ kind: "too-large" }]],
    [
      "with a number that is none in CSV",
      "Metric,avg\nInter Token Latency (ms),fast\n",
      [
        { kind: "invalid", field: "Inter Token Latency (ms)", found: "fast" },
        { kind: "missing" },
        { kind: "missing" },
        { kind: "missing" },
      ],
    ],
    ["with an open quote in CSV", 'Metric,avg\n"Inter Token', [{ kind: "malformed" }]],
  ])("%s", (_what, text, expected) => {
    expect(problems(readMeasurements(text))).toMatchObject(expected as object);
  });
});

describe("a list of points", () => {
  const row = { batch: 4, inputTokens: 1024, outputTokens: 200, ttftMs: 60.5, itlMs: 9 };

  it("is read from JSON, with or without a name, and from CSV, with absent values", () => {
    expect(points(readMeasurements(JSON.stringify([row])))).toEqual([row]);
    expect(points(readMeasurements(JSON.stringify({ points: [row] })))).toEqual([row]);
    expect(
      points(readMeasurements("\uFEFFbatch,inputTokens,ttftMs,itlMs\r\n4,1024,60.5,9\r\n1,512,30,\r\n\r\n")),
    ).toEqual([
      { batch: 4, inputTokens: 1024, ttftMs: 60.5, itlMs: 9 },
      { batch: 1, inputTokens: 512, ttftMs: 30 },
    ]);
  });

  it("of a request/response model has batches and latencies", () => {
    expect(readMeasurements(file("triton-batches.csv"))).toMatchObject({
      ok: true,
      task: "request-response",
      batches: expect.arrayContaining([{ batch: 16, latencyMs: 12.71 }]) as unknown,
    });
  });

  it.each<[string, unknown, unknown]>([
    ["unknown fields", [{ ...row, ttft: 5 }], [{ kind: "invalid", field: "row 1, ttft" }]],
    ["text for a number", [{ ...row, batch: "4" }], [{ kind: "invalid", field: "row 1, batch", found: "4" }]],
    ["no batch", [row, { inputTokens: 5, itlMs: 3 }], [{ kind: "missing", field: "row 2, batch" }]],
    [
      "no time",
      [{ batch: 1, inputTokens: 5 }],
      [{ kind: "missing", field: "row 1, ttftMs, itlMs or latencyMs" }],
    ],
    ["no object", [7], [{ kind: "missing" }, { kind: "missing" }, { kind: "missing" }]],
    ["both kinds of model", [row, { batch: 1, latencyMs: 3 }], [{ kind: "mixed", found: "1 and 1 rows" }]],
    ["too many points", Array.from({ length: 10_001 }, () => row), [{ kind: "too-large", found: "10001" }]],
  ])("with %s says so", (_what, list, expected) => {
    expect(problems(readMeasurements(JSON.stringify(list)))).toMatchObject(expected as object);
  });
});

it("never throws, whatever the text", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\n",
    "1",
    "batch",
    "itlMs",
    "Metric,avg",
    "points",
    "null",
    "e",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((all) => all.join("")),
        fc.json(),
      ),
      (text) => {
        const read = readMeasurements(text);
        if (!read.ok) expect(read.problems.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 500 },
  );
});

describe("rows of comma-separated text", () => {
  it("are what was written, quoted or not", () => {
    const cell = fc
      .string({ unit: fc.constantFrom("a", "1", ",", '"', "\n", "-") })
      .map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1 }), (rows) => {
        const text = rows
          .map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(","))
          .join("\r\n");
        expect(csvRows(text)).toEqual(rows);
      }),
    );
    expect(csvRows("a,b\n\nc,\n")).toEqual([["a", "b"], [""], ["c", ""]]);
  });

  it("are none where a quote stays open or is followed by text", () => {
    for (const text of ['a,"b\nc', '"a"b,c', 'a"b']) expect(csvRows(text)).toBeUndefined();
  });

  it("may be long, quoted or not", () => {
    const pairs = '""'.repeat(2 ** 20);
    expect(csvRows(`"${pairs}",b`)?.[0]?.[0]).toHaveLength(2 ** 20);
    expect(csvRows(`"${pairs}`)).toBeUndefined();
  });
});
