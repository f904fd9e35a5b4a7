// Loads a proxy with mixed requests while its engines are killed, drained, slow and added again and its routing table is
// reloaded; every answer proves which request it is for. Ends with 1 where one was wrong or lost.
//
//   node bench/proxy/reliability/soak.ts [--requests 1000000] [--reloads 100] [--seed 1]
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { runSoak } from "./soak/run-soak.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "1000000" },
    reloads: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
  },
});
const report = await runSoak({
  requests: Number(values.requests),
  steps: Number(values.reloads),
  seed: Number(values.seed),
});
const { kinds, examples, seconds, proxyResidentMiB } = report;
const total = Object.values(kinds).reduce((sum, { requests }) => sum + requests, 0);
console.table(kinds);
for (const example of examples) console.log(example);
console.log(
  `${total} requests in ${seconds.toFixed(0)} s on ${cpus().length} cores of ${cpus()[0]?.model}, Node ${process.versions.node}: ` +
    `${report.reloads} reloads, ${report.drains} drains, ${report.kills} kills (${report.unansweredAtKill} requests unanswered at the engine), ` +
    `${report.slowSpells} slow spells, ${report.retries} retries of the proxy, ${proxyResidentMiB.toFixed(0)} MiB resident at the end`,
);
console.log(
  report.broken === 0 ? "no answer was wrong, none was lost" : `${report.broken} answers were wrong or lost`,
);
process.exitCode = report.broken === 0 ? 0 : 1;
