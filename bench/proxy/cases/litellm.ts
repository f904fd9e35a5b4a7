import type { BenchCase } from "../bench.ts";
import { addedMs, latencyRows, measureLatencies } from "../latencies.ts";
import { chatRequest } from "../load/requests.ts";
import { fixed, judgeAdded } from "../report.ts";
import { measureCapacity, ratioOf } from "../rounds.ts";
import { measured } from "../servers/measured-server.ts";
import { startLiteLlm } from "../servers/litellm.ts";
import { median } from "../statistics.ts";
import { capacityRows } from "./predict.ts";

export const litellmCase: BenchCase = {
  name: "litellm",
  title: "chat completions next to LiteLLM's proxy, which routes by model too",
  async run(bench) {
    const request = chatRequest(false);
    const engine = await bench.engine();
    const proxy = await bench.proxy();
    const peer = measured("litellm", await bench.keep(startLiteLlm(engine)));
    const capacities = await measureCapacity(
      [proxy, peer].map((server) => ({ server, request })),
      bench.options,
    );
    const [own, other] = capacities;
    const ratio = ratioOf(own, other);
    // Half of what the slower one manages, and the same for both.
    const perSecond = median(other?.perSecond ?? []) / 2;
    const latencies = await measureLatencies(
      { direct: { url: engine }, proxy, litellm: peer },
      { perSecond, requests: [request] },
      // So few requests need more time to show the slowest of a hundred.
      { ...bench.options, seconds: bench.options.seconds * 3 },
    );
    const added = addedMs(latencies, "proxy", "p99Ms");
    const peerAdded = addedMs(latencies, "litellm", "p99Ms");
    return {
      rows: [...capacityRows(capacities), ...latencyRows(latencies)],
      verdicts: [
        {
          what: "requests per CPU second against litellm",
          target: ">= 20x",
          figure: `${fixed(ratio, 1)}x`,
          met: ratio >= 20,
        },
        {
          what: `added p99 against litellm at ${fixed(perSecond, 0)} requests/s`,
          target: "<= 1/10",
          figure: `${fixed(added, 2)} ms against ${fixed(peerAdded, 2)} ms`,
          met: judgeAdded(added, median(latencies[0]?.p99Ms ?? []), peerAdded / 10),
        },
      ],
      figures: { capacities, perSecond, latencies },
    };
  },
};
