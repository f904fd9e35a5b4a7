import type { BenchCase } from "../bench.ts";
import { addedMs, latencyRows, measureLatencies } from "../latencies.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import { fixed, judgeAdded, type Verdict } from "../report.ts";
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
    const servers = {
      direct: { url: await bench.engine() },
      proxy,
      nginx: await bench.nginx(),
      envoy: await bench.envoy(),
    };
    // Short and many: what else the machine does stops a core for milliseconds, and should spoil few of them.
    const effort = { rounds: 5 * bench.options.rounds, seconds: 1 };
    const latencies = await measureLatencies(servers, { perSecond, requests: [request] }, effort);
    const [direct] = latencies;
    const judged = (figure: "quietP50Ms" | "quietP99Ms", name: string, mostMs: number): Verdict => {
      const ms = addedMs(latencies, "proxy", figure);
      return {
        what: `added ${name} at ${fixed(perSecond, 0)} requests/s while the machine does nothing else`,
        target: `<= ${mostMs} ms`,
        figure: `${fixed(ms, 3)} ms`,
        met: judgeAdded(ms, median(direct?.[figure] ?? []), mostMs),
      };
    };
    return {
      rows: latencyRows(latencies),
      verdicts: [judged("quietP50Ms", "p50", 0.5), judged("quietP99Ms", "p99", 2)],
      figures: { perSecond, latencies },
    };
  },
};
