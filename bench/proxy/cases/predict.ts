import type { Bench, BenchCase } from "../bench.ts";
import { numbersOf, startEchoEngine } from "../load/echo-engine.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import type { RepeatedRequest } from "../load/wrk.ts";
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
  const verdicts: Verdict[] = Object.entries(targets).map(([peer, target]) => {
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
  const unchanged = await integersArrive(bench, request);
  verdicts.push({
    what: "integers above 2^53",
    target: "unchanged there and back",
    figure: unchanged ? "unchanged" : "changed",
    met: unchanged,
  });
  return { rows: capacityRows(capacities), verdicts, figures: { capacities, unchanged } };
}

/** Whether the digits of every number reach the engine and come back as they were written. */
async function integersArrive(bench: Bench, { path, body }: RepeatedRequest): Promise<boolean> {
  const engine = await bench.keep(startEchoEngine());
  const { url } = await bench.proxy(undefined, { tabular: engine.url });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url + path, { method: "POST", body, headers });
  return answer.status === 200 && numbersOf(await answer.text()) === numbersOf(body);
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
