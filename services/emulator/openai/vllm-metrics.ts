import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Upper bounds in seconds; the shortest modelled prefill is a few ms, the longest tolerated wait about a minute. */
const ttftBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const itlBuckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5, 1];
const latencyBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

/** How many sequences wait and run. */
export interface QueueState {
  readonly waitingCount: number;
  readonly runningCount: number;
}

/** The metrics of one replica under vLLM's names. */
export class VllmMetrics {
  readonly #registry = new Registry();
  readonly #labels: { readonly model_name: string };
  readonly #promptTokens = this.#counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.");
  readonly #generationTokens = this.#counter(
    "vllm:generation_tokens_total",
    "Number of generation tokens processed.",
  );
  readonly #ttft = this.#histogram(
    "vllm:time_to_first_token_seconds",
    "Time to first token in seconds.",
    ttftBuckets,
  );
  readonly #itl = this.#histogram(
    "vllm:inter_token_latency_seconds",
    "Time between two tokens of a request in seconds.",
    itlBuckets,
  );
  readonly #latency = this.#histogram(
    "vllm:e2e_request_latency_seconds",
    "Time from arrival to last token in seconds.",
    latencyBuckets,
  );
  readonly #success = new Counter({
    name: "vllm:request_success_total",
    help: "Number of requests that ended, by reason.",
    labelNames: ["model_name", "finished_reason"],
    registers: [this.#registry],
  });

  constructor(model: string, queue: QueueState) {
    this.#labels = { model_name: model };
    this.#gauge(
      "vllm:num_requests_waiting",
      "Number of requests waiting to be processed.",
      () => queue.waitingCount,
    );
    this.#gauge("vllm:num_requests_running", "Number of requests in the batch.", () => queue.runningCount);
    // A counter that was never touched is absent otherwise, and a rate over it has no start.
    this.#promptTokens.inc(this.#labels, 0);
    this.#generationTokens.inc(this.#labels, 0);
  }

  firstToken(promptTokens: number, ttftMs: number): void {
    this.#promptTokens.inc(this.#labels, promptTokens);
    this.#generationTokens.inc(this.#labels);
    this.#ttft.observe(this.#labels, ttftMs / 1000);
  }

  laterToken(gapMs: number): void {
    this.#generationTokens.inc(this.#labels);
    this.#itl.observe(this.#labels, gapMs / 1000);
  }

  finished(reason: "length" | "stop", latencyMs: number): void {
    this.#success.inc({ ...this.#labels, finished_reason: reason });
    this.#latency.observe(this.#labels, latencyMs / 1000);
  }

  aborted(): void {
    this.#success.inc({ ...this.#labels, finished_reason: "abort" });
  }

  exposition(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #gauge(name: string, help: string, read: () => number): void {
    const labels = this.#labels;
    new Gauge({
      name,
      help,
      labelNames: ["model_name"],
      registers: [this.#registry],
      collect() {
        this.set(labels, read());
      },
    });
  }

  #counter(name: string, help: string): Counter<"model_name"> {
    return new Counter({ name, help, labelNames: ["model_name"], registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<"model_name"> {
    return new Histogram({ name, help, buckets, labelNames: ["model_name"], registers: [this.#registry] });
  }
}
