// Sends fuzzed requests to a proxy in this process and counts what came of them; ends with 1 where a promise was broken.
//
//   node bench/proxy/reliability/fuzz.ts [--cases 100000] [--seed 1] [--from 0]
//   node bench/proxy/reliability/fuzz.ts --seed 1 --from 4711 --cases 1     one case again, as a failure names it
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { startProxy } from "../../../services/proxy/server.ts";
import { fuzzProxy } from "./fuzz/fuzz-proxy.ts";
import { startRecordingEngine } from "./fuzz/recording-engine.ts";
import { fuzzedBodyBytes, fuzzedRoutes } from "./fuzz/routes.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
  },
});
let unhandled = 0;
for (const event of ["unhandledRejection", "uncaughtException"]) {
  process.on(event, (error) => {
    unhandled++;
    console.error(`${event}:`, error);
  });
}

const engine = await startRecordingEngine();
const folder = await mkdtemp(join(tmpdir(), "proxy-fuzz-"));
const routesFile = join(folder, "routes.json");
await writeFile(routesFile, JSON.stringify(fuzzedRoutes(engine.url)));
const log = pino({ level: "warn" }, pino.destination(2));
const proxy = await startProxy({
  routesFile,
  auth: { kind: "none" },
  log,
  port: 0,
  maxBodyBytes: fuzzedBodyBytes,
});
const startedMs = performance.now();
const [seed, from, cases] = [Number(values.seed), Number(values.from), Number(values.cases)];
const { kinds, statuses, failures } = await fuzzProxy({ port: proxy.port, engine, seed, from, cases });
const seconds = (performance.now() - startedMs) / 1000;
await proxy.close();
await engine.stop();
await rm(folder, { recursive: true });

console.table(kinds);
console.log("answers by status:", statuses);
for (const failure of failures) console.log(`\n${failure}`);
console.log(
  `\n${cases} cases of seed ${seed} in ${seconds.toFixed(0)} s: ${failures.length} broken promises, ${unhandled} unhandled errors`,
);
process.exitCode = failures.length + unhandled > 0 ? 1 : 0;
