import type { Metric, Registry } from "prom-client";

export type MetricType = "counter" | "gauge" | "histogram";

export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** A metric of the registry whose samples are made when they are asked for. */
class ReadMetric {
  readonly name: string;
  readonly #help: string;
  readonly #type: MetricType;
  readonly #read: () => Sample[];

  constructor(name: string, type: MetricType, help: string, read: () => Sample[]) {
    this.name = name;
    this.#help = help;
    this.#type = type;
    this.#read = read;
  }

  get(): Promise<object> {
    const { name } = this;
    return Promise.resolve({
      name,
      help: this.#help,
      type: this.#type,
      values: this.#read(),
      aggregator: "sum",
    });
  }

  reset(): void {}
}

/** Adds a metric whose samples are made when they are asked for: what is not read any more has no series. */
export function registerRead(
  registry: Registry,
  name: string,
  type: MetricType,
  help: string,
  read: () => Sample[],
): void {
  // The registry asks of a metric no more than this; its types name its own classes.
  registry.registerMetric(new ReadMetric(name, type, help, read) as unknown as Metric);
}
