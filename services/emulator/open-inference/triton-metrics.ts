import { Counter, Gauge, Registry } from "prom-client";
import type { Execution } from "../engine/batching-engine.ts";

const labelNames = ["model", "version"] as const;
const failureReasons = ["REJECTED", "CANCELED", "BACKEND", "OTHER"] as const;

/** The metrics of one replica under Triton's names. */
export class TritonMetrics {
  readonly #registry = new Registry();
  readonly #success = this.#counter(
    "nv_inference_request_success",
    "Number of successful inference requests",
  );
  readonly #inferences = this.#counter(
    "nv_inference_count",
    "Number of inferences performed, batch items counted",
  );
  readonly #executions = this.#counter("nv_inference_exec_count", "Number of model executions performed");
  readonly #requestUs = this.#counter(
    "nv_inference_request_duration_us",
    "Cumulative request duration in us",
  );
  readonly #queueUs = this.#counter("nv_inference_queue_duration_us", "Cumulative queuing duration in us");
  readonly #computeUs = this.#counter(
    "nv_inference_compute_infer_duration_us",
    "Cumulative compute duration in us: every request counts its whole batch",
  );
  /** Always 0: the performance model does not tell input and output from the rest. */
  readonly #inputUs = this.#counter(
    "nv_inference_compute_input_duration_us",
    "Cumulative compute input duration in us",
  );
  readonly #outputUs = this.#counter(
    "nv_inference_compute_output_duration_us",
    "Cumulative compute output duration in us",
  );
  readonly #failure = new Counter({
    name: "nv_inference_request_failure",
    help: "Number of failed inference requests by reason",
    labelNames: [...labelNames, "reason"],
    registers: [this.#registry],
  });

  /** `pending` gives the waiting requests of every model version at the time of a scrape. */
  constructor(pending: () => readonly { model: string; version: string; count: number }[]) {
    // A counter that was never touched is absent otherwise, and a rate over it has no start.
    for (const { model, version } of pending()) this.#touch({ model, version });
    new Gauge({
      name: "nv_inference_pending_request_count",
      help: "Number of requests that wait for execution",
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        for (const { model, version, count } of pending()) this.set({ model, version }, count);
      },
    });
  }

  executed(model: string, version: string, items: number, execution: Execution): void {
    const labels = { model, version };
    this.#success.inc(labels);
    this.#inferences.inc(labels, items);
    if (execution.firstOfBatch) this.#executions.inc(labels);
    this.#requestUs.inc(labels, (execution.queueMs + execution.computeMs) * 1000);
    this.#queueUs.inc(labels, execution.queueMs * 1000);
    this.#computeUs.inc(labels, execution.computeMs * 1000);
  }

  /** `REJECTED`: the queue was full. `CANCELED`: the client went away. */
  failed(model: string, version: string, reason: "REJECTED" | "CANCELED"): void {
    this.#failure.inc({ model, version, reason });
  }

  #touch(labels: Record<(typeof labelNames)[number], string>): void {
    const counters = [this.#success, this.#inferences, this.#executions, this.#requestUs, this.#queueUs];
    for (const counter of [...counters, this.#inputUs, this.#computeUs, this.#outputUs])
      counter.inc(labels, 0);
    for (const reason of failureReasons) this.#failure.inc({ ...labels, reason }, 0);
  }

  exposition(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #counter(name: string, help: string): Counter<"model" | "version"> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
}
