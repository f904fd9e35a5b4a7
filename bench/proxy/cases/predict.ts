import type { Bench, BenchCase } from "../bench.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import { fixed, spread, type CaseReport, type Verdict } from "../report.ts";
import { measureCapacity, ratioOf, type Capacity } from "../rounds.ts";
import { median } from "../statistics.ts";

/** `/predict` by size, next to plain proxies that route on nothing. */
export const predictCases: readonly BenchCase[] = [
  {
    name: "predict-small",
    title: "/predict of 0.7 KB: requests per CPU second",
    run: (bench) => againstPlainProxies(bench, smallBytes, { nginx: 0.45, envoy: 1 }),
  },
  {
    name: "predict-64k",
    title: "/predict with a tensor of 64 KiB: requests per CPU second",
    run: (bench) => againstPlainProxies(bench, 64 * 1024, { nginx: 0.4 }),
  },
  {
    name: "predict-1m",
    title: "/predict with a tensor of 1 MiB: requests per CPU second",
    run: (bench) => againstPlainProxies(bench, 1024 * 1024, { nginx: 0.6 }),
  },
];

async function againstPlainProxies(
  bench: Bench,
  bytes: number,
  targets: Readonly<Record<string, number>>,
): Promise<CaseReport> {
  const request = predictRequest(bytes);
  const servers = [await bench.proxy(), await bench.nginx(), await bench.envoy()];
  const capacities = await measureCapacity(
    servers.map((server) => ({ server, request })),
    bench.options,
  );
  const [proxy] = capacities;
  const verdicts = Object.entries(targets).map(([peer, target]): Verdict => {
    const ratio = ratioOf(
      proxy,
      capacities.find(({ server }) => server === peer),
    );
    return {
      what: `against ${peer}`,
      target: `>= ${target}x`,
      figure: `${fixed(ratio, 3)}x`,
      met: ratio >= target,
    };
  });
  return { rows: capacityRows(capacities), verdicts, figures: capacities };
}

/** Capacities as a table, the first one the measure of the others. */
export function capacityRows(capacities: readonly Capacity[]): readonly (readonly string[])[] {
  const [first] = capacities;
  return [
    [
      "",
      "requests per CPU s, median (least to most)",
      "ms CPU a request",
      "requests/s",
      "first is so many times it",
    ],
    ...capacities.map((capacity) => {
      const middle = median(capacity.perCpuSecond);
      return [
        capacity.server,
        spread(capacity.perCpuSecond, middle, 0),
        fixed(1000 / middle, 4),
        fixed(median(capacity.perSecond), 0),
        `${fixed(ratioOf(first, capacity), 3)}x`,
      ];
    }),
  ];
}
