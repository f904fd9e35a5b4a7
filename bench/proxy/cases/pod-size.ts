import type { BenchCase } from "../bench.ts";
import { runPaced } from "../load/paced-load.ts";
import { predictRequest, smallBytes } from "../load/requests.ts";
import { fixed, spread } from "../report.ts";
import { median } from "../statistics.ts";

const perSecond = 500;
const targetCpus = 0.2;

export const podSizeCase: BenchCase = {
  name: "pod-size",
  title: `CPU that ${perSecond} requests/s of /predict with 0.7 KB take`,
  async run(bench) {
    const { rounds, seconds } = bench.options;
    const load = { perSecond, seconds, requests: [predictRequest(smallBytes)] };
    const servers = [await bench.proxy(), await bench.nginx(), await bench.envoy()].map((server) => ({
      server,
      cpus: [] as number[],
    }));
    // The first round warms up.
    for (let round = -1; round < rounds; round++) {
      for (const { server, cpus } of servers) {
        const before = server.cpuSeconds();
        const { latenciesMs } = await runPaced(server.url, load);
        // By what was answered: a few requests more or less come in so many seconds.
        const cpuSecondsEach = (server.cpuSeconds() - before) / latenciesMs.length;
        if (round >= 0) cpus.push(cpuSecondsEach * perSecond);
      }
    }
    const cpus = median(servers[0]?.cpus ?? []);
    return {
      rows: [
        ["", "vCPUs, median (least to most)"],
        ...servers.map((one) => [one.server.name, spread(one.cpus, median(one.cpus), 3)]),
      ],
      verdicts: [
        {
          what: `${perSecond} requests/s of 0.7 KB`,
          target: `<= ${targetCpus} vCPU`,
          figure: `${fixed(cpus, 3)} vCPU`,
          met: cpus <= targetCpus,
        },
      ],
      figures: servers.map((one) => ({ server: one.server.name, cpus: one.cpus })),
    };
  },
};
