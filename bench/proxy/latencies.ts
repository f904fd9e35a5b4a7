import { runPaced, type PacedOptions } from "./load/paced-load.ts";
import { fixed } from "./report.ts";
import type { Effort } from "./rounds.ts";
import { median, quantile } from "./statistics.ts";

/** Latencies of one URL, each figure in every round, in ms. */
export interface Latencies {
  readonly name: string;
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
}

/** Sends the same paced load to several URLs in turn. The first time of each warms it up and does not count. */
export async function measureLatencies(
  urls: Readonly<Record<string, string>>,
  load: Omit<PacedOptions, "seconds">,
  { rounds, seconds }: Effort,
): Promise<readonly Latencies[]> {
  const results = Object.entries(urls).map(([name, url]) => ({
    name,
    url,
    p50Ms: [] as number[],
    p99Ms: [] as number[],
  }));
  for (let round = -1; round < rounds; round++) {
    for (const { url, p50Ms, p99Ms } of round % 2 === 0 ? results : results.toReversed()) {
      const latenciesMs = await runPaced(url, { ...load, seconds });
      if (round < 0) continue;
      p50Ms.push(quantile(latenciesMs, 0.5));
      p99Ms.push(quantile(latenciesMs, 0.99));
    }
  }
  return results.map(({ name, p50Ms, p99Ms }) => ({ name, p50Ms, p99Ms }));
}

/** What a proxy adds: the median over the rounds of its figure less that of the engine asked directly. */
export function addedMs(latencies: readonly Latencies[], name: string, figure: "p50Ms" | "p99Ms"): number {
  const of = (wanted: string): readonly number[] =>
    latencies.find((one) => one.name === wanted)?.[figure] ?? [];
  const direct = of("direct");
  return median(of(name).map((value, round) => value - (direct[round] ?? Number.NaN)));
}

/** The URL that is measured as `direct` comes first. */
export function latencyRows(latencies: readonly Latencies[]): readonly (readonly string[])[] {
  return [
    ["", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms"],
    ...latencies.map(({ name, p50Ms, p99Ms }) => [
      name,
      fixed(median(p50Ms), 3),
      fixed(median(p99Ms), 3),
      ...(name === "direct"
        ? ["", ""]
        : [fixed(addedMs(latencies, name, "p50Ms"), 3), fixed(addedMs(latencies, name, "p99Ms"), 3)]),
    ]),
  ];
}
