import { runPaced, type PacedOptions } from "./load/paced-load.ts";
import { undisturbed, watchHeldOff } from "./held-off.ts";
import { fixed } from "./report.ts";
import type { Effort } from "./rounds.ts";
import type { MeasuredServer } from "./servers/measured-server.ts";
import { median, quantile } from "./statistics.ts";

/** Latencies of one URL, each figure in every round, in ms. */
export interface Latencies {
  readonly name: string;
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
  /** The same of the requests of a quiet machine: those that met nothing else on the cores of server and load. */
  readonly quietP50Ms: readonly number[];
  readonly quietP99Ms: readonly number[];
  /** Their share among all. */
  readonly quietShare: readonly number[];
}

type Figure = "p50Ms" | "p99Ms" | "quietP50Ms" | "quietP99Ms";

/** What is asked: a server on a core of its own, or an address on that of the load. */
export type Asked = Pick<MeasuredServer, "url"> & Partial<Pick<MeasuredServer, "pids">>;

/** Sends the same paced load to several servers in turn. The first time of each warms it up and does not count. */
export async function measureLatencies(
  servers: Readonly<Record<string, Asked>>,
  load: Omit<PacedOptions, "seconds">,
  { rounds, seconds }: Effort,
): Promise<readonly Latencies[]> {
  const results = Object.entries(servers).map(([name, asked]) => ({
    asked,
    figures: {
      name,
      p50Ms: [] as number[],
      p99Ms: [] as number[],
      quietP50Ms: [] as number[],
      quietP99Ms: [] as number[],
      quietShare: [] as number[],
    },
  }));
  for (let round = -1; round < rounds; round++) {
    for (const { asked, figures } of round % 2 === 0 ? results : results.toReversed()) {
      const heldOff = watchHeldOff(asked.pids ?? []);
      const run = await runPaced(asked.url, { ...load, seconds });
      const quiet = undisturbed(run.dueMs, [...heldOff(), ...run.heldOff]);
      if (round < 0) continue;
      const quietMs = quiet.map((index) => run.latenciesMs[index] ?? Number.NaN);
      figures.p50Ms.push(quantile(run.latenciesMs, 0.5));
      figures.p99Ms.push(quantile(run.latenciesMs, 0.99));
      figures.quietP50Ms.push(quantile(quietMs, 0.5));
      figures.quietP99Ms.push(quantile(quietMs, 0.99));
      figures.quietShare.push(quietMs.length / run.latenciesMs.length);
    }
  }
  return results.map(({ figures }) => figures);
}

/** What a proxy adds: the median over the rounds of its figure less that of the engine asked directly. */
export function addedMs(latencies: readonly Latencies[], name: string, figure: Figure): number {
  const of = (wanted: string): readonly number[] =>
    latencies.find((one) => one.name === wanted)?.[figure] ?? [];
  const direct = of("direct");
  return median(of(name).map((value, round) => value - (direct[round] ?? Number.NaN)));
}

/** What is measured as `direct` comes first. */
export function latencyRows(latencies: readonly Latencies[]): readonly (readonly string[])[] {
  const added = (name: string, figure: Figure): string =>
    name === "direct" ? "" : fixed(addedMs(latencies, name, figure), 3);
  return [
    ["", "p50 / p99 ms", "added", "undisturbed requests", "their p50 / p99 ms", "added"],
    ...latencies.map(({ name, p50Ms, p99Ms, quietP50Ms, quietP99Ms, quietShare }) => [
      name,
      `${fixed(median(p50Ms), 3)} / ${fixed(median(p99Ms), 3)}`,
      name === "direct" ? "" : `${added(name, "p50Ms")} / ${added(name, "p99Ms")}`,
      `${fixed(median(quietShare) * 100, 0)} %`,
      `${fixed(median(quietP50Ms), 3)} / ${fixed(median(quietP99Ms), 3)}`,
      name === "direct" ? "" : `${added(name, "quietP50Ms")} / ${added(name, "quietP99Ms")}`,
    ]),
  ];
}
