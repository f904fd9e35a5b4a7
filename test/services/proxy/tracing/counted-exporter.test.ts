import { ExportResultCode, type ExportResult } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { CountedExporter } from "../../../../services/proxy/tracing/counted-exporter.ts";
import { captureLog } from "../testbed.ts";

function failingExporter() {
  const { log, logged } = captureLog();
  let nowMs = 0;
  const result: ExportResult = { code: ExportResultCode.FAILED, error: new Error("down") };
  const inner = {
    export: (_spans: ReadableSpan[], done: (result: ExportResult) => void) => done(result),
    shutdown: () => Promise.resolve(),
  };
  const exporter = new CountedExporter(inner, log, 10, () => nowMs);
  const fail = (spans: number): void => {
    for (let count = 0; count < spans; count++) exporter.admit();
    exporter.export(
      Array.from({ length: spans }, () => ({}) as ReadableSpan),
      () => {},
    );
  };
  return { exporter, logged, fail, wait: (ms: number) => (nowMs += ms) };
}

describe("the exporter that counts", () => {
  it("warns at most once a minute, with all that was lost so far", () => {
    const { exporter, logged, fail, wait } = failingExporter();
    fail(3);
    for (let second = 0; second < 119; second++) {
      wait(1_000);
      fail(1);
    }
    expect(exporter.lost).toBe(122);
    expect(logged.map(({ lost, cause }) => [lost, cause])).toEqual([
      [3, "down"],
      [63, "down"],
    ]);
  });

  it("admits as many spans as may wait, and again when they have been sent", () => {
    const { exporter, fail } = failingExporter();
    const admitted = Array.from({ length: 12 }, () => exporter.admit());
    expect(admitted.filter(Boolean)).toHaveLength(10);
    expect(exporter.lost).toBe(2);
    fail(0);
    expect(exporter.admit()).toBe(false);
    exporter.export([{} as ReadableSpan], () => {});
    expect(exporter.admit()).toBe(true);
  });

  it("counts what still waited when it was given up", () => {
    const { exporter } = failingExporter();
    exporter.admit();
    exporter.admit();
    exporter.abandon();
    exporter.abandon();
    expect(exporter.lost).toBe(2);
  });
});
