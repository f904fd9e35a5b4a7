import { ExportResultCode, type ExportResult } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";

/** A collector that is down fails every export; once a minute is enough to know it. */
const warnIntervalMs = 60_000;

/**
 * Counts the spans that wait for their export and those that are lost, and bounds the first. The batch processor has a
 * bound of its own, beyond which it drops spans without a trace.
 */
export class CountedExporter implements SpanExporter {
  lost = 0;
  readonly #inner: SpanExporter;
  readonly #log: Logger;
  readonly #maxWaiting: number;
  readonly #nowMs: () => number;
  #waiting = 0;
  #exporting = 0;
  #mayWarnAtMs = -Infinity;

  constructor(inner: SpanExporter, log: Logger, maxWaiting: number, nowMs: () => number) {
    this.#inner = inner;
    this.#log = log;
    this.#maxWaiting = maxWaiting;
    this.#nowMs = nowMs;
  }

  /** A sampled span is about to end; false where there is no room for it. */
  admit(): boolean {
    if (this.#waiting >= this.#maxWaiting) {
      this.#lose(1, "more spans than the collector takes");
      return false;
    }
    this.#waiting++;
    return true;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#waiting -= spans.length;
    this.#exporting += spans.length;
    this.#inner.export(spans, (result) => {
      // Those that were given up are counted.
      if (this.#exporting > 0) {
        this.#exporting -= spans.length;
        if (result.code !== ExportResultCode.SUCCESS) this.#lose(spans.length, causeOf(result.error));
      }
      // The processor would not wait for its other exports at shutdown if it heard of a failure.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  /** Counts those that no collector has taken yet as lost. */
  abandon(): void {
    const left = this.#waiting + this.#exporting;
    if (left > 0) this.#lose(left, "the proxy stopped before the collector took them");
    this.#waiting = this.#exporting = 0;
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #lose(spans: number, cause: string): void {
    this.lost += spans;
    const nowMs = this.#nowMs();
    if (nowMs < this.#mayWarnAtMs) return;
    this.#mayWarnAtMs = nowMs + warnIntervalMs;
    this.#log.warn({ lost: this.lost, cause }, "spans are lost");
  }
}

/** Without the collector's answer, which may be a page of anything. */
function causeOf(error: Error | undefined): string {
  if (!error) return "unknown";
  const code = "code" in error ? `${error.code} ` : "";
  return `${code}${error.message}`.trim().slice(0, 200) || error.name;
}
