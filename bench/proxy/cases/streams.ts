import type { BenchCase } from "../bench.ts";
import { runLockstep, runStreams, tokenIntervalMs } from "../load/stream-load.ts";
import { startStreamEngine } from "../load/token-stream.ts";
import { fixed, judgeAdded } from "../report.ts";
import { median, quantile } from "../statistics.ts";

const streams = 200;
const lockstepTokens = 50;

export const streamsCase: BenchCase = {
  name: "streams",
  title: `${streams} concurrent SSE streams, a token every ${tokenIntervalMs} ms each`,
  async run(bench) {
    const { seconds } = bench.options;
    // The slowest of a hundred first tokens are few in one round, and what else the machine does is among them.
    const rounds = 3 * bench.options.rounds;
    const engine = await bench.keep(startStreamEngine());
    const proxy = await bench.proxy(undefined, { streams: engine.url });
    const came = await runLockstep(proxy.url, engine, streams, lockstepTokens);
    const results = [engine.url, proxy.url].map((url) => ({
      url,
      firstP50Ms: [] as number[],
      firstP99Ms: [] as number[],
      tokenP50Ms: [] as number[],
      tokenP99Ms: [] as number[],
      late: 0,
      tokens: 0,
    }));
    for (let round = -1; round < rounds; round++) {
      for (const result of results) {
        const { firstTokenMs, tokenMs } = await runStreams(result.url, engine, streams, seconds);
        if (round < 0) continue;
        result.firstP50Ms.push(quantile(firstTokenMs, 0.5));
        result.firstP99Ms.push(quantile(firstTokenMs, 0.99));
        result.tokenP50Ms.push(quantile(tokenMs, 0.5));
        result.tokenP99Ms.push(quantile(tokenMs, 0.99));
        result.late += tokenMs.filter((ms) => ms >= tokenIntervalMs).length;
        result.tokens += tokenMs.length;
      }
    }
    const [direct, proxied] = results;
    const added = median(
      (proxied?.firstP99Ms ?? []).map((value, round) => value - (direct?.firstP99Ms[round] ?? Number.NaN)),
    );
    const expected = streams * lockstepTokens;
    return {
      rows: [
        [
          "",
          "first token p50 / p99 ms",
          "write to read of a token p50 / p99 ms",
          "tokens later than the next",
        ],
        ...results.map((result, index) => [
          index === 0 ? "direct" : "proxy",
          `${fixed(median(result.firstP50Ms), 2)} / ${fixed(median(result.firstP99Ms), 2)}`,
          `${fixed(median(result.tokenP50Ms), 2)} / ${fixed(median(result.tokenP99Ms), 2)}`,
          `${result.late} of ${result.tokens}`,
        ]),
      ],
      verdicts: [
        {
          what: "added time to first byte, p99",
          target: "<= 5 ms",
          figure: `${fixed(added, 2)} ms`,
          met: judgeAdded(added, median(direct?.firstP99Ms ?? []), 5),
        },
        {
          what: "tokens that came while nothing else was sent",
          target: `all ${expected}`,
          figure: String(came),
          met: came === expected,
        },
      ],
      figures: { lockstep: came, direct, proxied },
    };
  },
};
