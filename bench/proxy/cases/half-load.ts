import type { BenchCase } from "../bench.ts";
import { addedMs, latencyRows, measureLatencies } from "../latencies.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import { fixed, judgeAdded } from "../report.ts";
import { measureCapacity } from "../rounds.ts";
import { median } from "../statistics.ts";

export const halfLoadCase: BenchCase = {
  name: "half-load",
  title: "latency that the proxy adds to /predict of 0.7 KB at half of what it manages",
  async run(bench) {
    const request = predictRequest(smallBytes);
    const proxy = await bench.proxy();
    // Of wall time: on a busy machine half of a whole core would be all that there is.
    const [full] = await measureCapacity([{ server: proxy, request }], { ...bench.options, rounds: 1 });
    const perSecond = median(full?.perSecond ?? []) / 2;
    const urls = {
      direct: await bench.engine(),
      proxy: proxy.url,
      nginx: (await bench.nginx()).url,
      envoy: (await bench.envoy()).url,
    };
    // Short and many: what else the machine does stops a core for milliseconds, and should spoil few of them.
    const effort = { rounds: 5 * bench.options.rounds, seconds: 1 };
    const latencies = await measureLatencies(urls, { perSecond, requests: [request] }, effort);
    const p50Ms = addedMs(latencies, "proxy", "p50Ms");
    const p99Ms = addedMs(latencies, "proxy", "p99Ms");
    const [direct] = latencies;
    const at = `at ${fixed(perSecond, 0)} requests/s`;
    return {
      rows: latencyRows(latencies),
      verdicts: [
        {
          what: `added p50 ${at}`,
          target: "<= 0.5 ms",
          figure: `${fixed(p50Ms, 3)} ms`,
          met: judgeAdded(p50Ms, median(direct?.p50Ms ?? []), 0.5),
        },
        {
          what: `added p99 ${at}`,
          target: "<= 2 ms",
          figure: `${fixed(p99Ms, 3)} ms`,
          met: judgeAdded(p99Ms, median(direct?.p99Ms ?? []), 2),
        },
      ],
      figures: { perSecond, latencies },
    };
  },
};
