import { setTimeout as delay } from "node:timers/promises";
import type { BenchCase } from "../bench.ts";
import { runPaced } from "../load/paced-load.ts";
import { chatRequest, predictRequest, smallBytes } from "../load/requests.ts";
import { runStreams } from "../load/stream-load.ts";
import { startStreamEngine } from "../load/token-stream.ts";
import type { RepeatedRequest } from "../load/wrk.ts";
import { fixed } from "../report.ts";
import { containerFlags } from "../servers/proxy.ts";
import { median } from "../statistics.ts";

const mostMiB = 200_000_000 / 2 ** 20;
/** Growth from the second third of the time to the last one that counts as flat: heaps breathe by more than nothing. */
const mostGrowth = 0.05;
const perSecond = 500;
const streams = 20;
const samplesPerMinute = 12;

const requests: readonly RepeatedRequest[] = [
  ...repeat(predictRequest(smallBytes), 70),
  ...repeat(chatRequest(false), 23),
  ...repeat(predictRequest(64 * 1024), 6),
  predictRequest(1024 * 1024),
];

export const memoryCase: BenchCase = {
  name: "memory",
  title: `memory under ${perSecond} mixed requests/s and ${streams} streams`,
  async run(bench) {
    const { memoryMinutes } = bench.options;
    const engine = await bench.keep(startStreamEngine());
    const proxy = await bench.proxy(undefined, { streams: engine.url });
    const seconds = memoryMinutes * 60;
    const samplesMiB = [proxy.residentMiB()];
    const sampling = (async (): Promise<void> => {
      for (let sample = 0; sample < memoryMinutes * samplesPerMinute; sample++) {
        await delay(60_000 / samplesPerMinute);
        samplesMiB.push(proxy.residentMiB());
      }
    })();
    const [{ latenciesMs }] = await Promise.all([
      runPaced(proxy.url, { perSecond, seconds, requests }),
      runStreams(proxy.url, engine, streams, seconds),
      sampling,
    ]);
    const third = (from: number): number =>
      median(
        samplesMiB.slice(
          Math.floor((samplesMiB.length * from) / 3),
          Math.floor((samplesMiB.length * (from + 1)) / 3),
        ),
      );
    const growth = third(2) / third(1) - 1;
    const most = Math.max(...samplesMiB);
    const minutes = samplesMiB.filter((_, index) => index % samplesPerMinute === 0);
    const flags = containerFlags().join(" ");
    return {
      rows: [["minute", "resident MiB"], ...minutes.map((mib, minute) => [String(minute), fixed(mib, 1)])],
      verdicts: [
        {
          what: `most in ${memoryMinutes} minutes, ${latenciesMs.length} requests, Node flags: ${flags || "none"}`,
          target: "<= 200 MB",
          figure: `${fixed((most * 2 ** 20) / 1e6, 1)} MB`,
          met: most <= mostMiB,
        },
        {
          what: "growth from the second third of the time to the last",
          target: `<= ${mostGrowth * 100} %`,
          figure: `${fixed(growth * 100, 1)} %`,
          met: growth <= mostGrowth,
        },
      ],
      figures: { samplesMiB, secondsPerSample: 60 / samplesPerMinute, requests: latenciesMs.length },
    };
  },
};

function repeat(request: RepeatedRequest, times: number): readonly RepeatedRequest[] {
  return Array.from({ length: times }, () => request);
}
