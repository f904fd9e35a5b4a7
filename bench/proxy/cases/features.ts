import type { BenchCase } from "../bench.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import { fixed } from "../report.ts";
import { measureCapacity, ratioOf } from "../rounds.ts";
import { everyFeature, startDomino } from "../servers/features.ts";
import { bareProxy } from "../servers/proxy.ts";
import { capacityRows } from "./predict.ts";

const leastShare = 0.75;

export const featuresCase: BenchCase = {
  name: "features",
  title: "/predict of 0.7 KB with every feature on, next to routing alone",
  async run(bench) {
    const request = predictRequest(smallBytes);
    const domino = await bench.keep(startDomino());
    const all = everyFeature(domino.url, request);
    const capacities = await measureCapacity(
      [
        { server: await bench.proxy({ ...bareProxy, name: "bare" }), request },
        { server: await bench.proxy(all.setting), request: all.request },
      ],
      bench.options,
    );
    const share = ratioOf(capacities[1], capacities[0]);
    return {
      rows: capacityRows(capacities),
      verdicts: [
        {
          what: `with ${all.names.join(", ")}`,
          target: `>= ${leastShare}x bare`,
          figure: `${fixed(share, 3)}x`,
          met: share >= leastShare,
        },
      ],
      figures: { features: all.names, capacities },
    };
  },
};
