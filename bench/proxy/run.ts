// Measures the proxy next to the proxies that users would otherwise pick, alternating in one run, one core each, and
// prints every target with what was measured. Figures are read by people; nothing is asserted.
//
//   npm run bench:proxy -- [--case NAME]... [--rounds 5] [--seconds 3] [--memory-minutes 10] [--json FILE]
//                          [--checkout DIR]   another checkout with its packages, such as that of a base branch
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Bench, type BenchCase } from "./bench.ts";
import { predictCases } from "./cases/predict.ts";
import { printReport, printVerdicts, type CaseReport, type Verdict } from "./report.ts";
import { loadCore, pin } from "./servers/measured-server.ts";
import { ownCheckout } from "./servers/proxy.ts";

const cases: readonly BenchCase[] = [...predictCases];

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    "memory-minutes": { type: "string", default: "10" },
    json: { type: "string" },
    checkout: { type: "string", default: ownCheckout },
  },
});
const options = {
  rounds: positive("rounds", values.rounds),
  seconds: positive("seconds", values.seconds),
  memoryMinutes: positive("memory-minutes", values["memory-minutes"]),
  checkout: resolve(values.checkout),
};
const chosen = values.case ?? cases.map(({ name }) => name);
const unknown = chosen.filter((name) => !cases.some((one) => one.name === name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; there are ${cases.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
if (cpus().length < 2) {
  console.error("needs two cores: one for the proxy, one for the engine and the load");
  process.exit(2);
}

// What is started inherits it; the servers under test are moved to the other core.
pin(process.pid, loadCore);
console.log(
  `${options.rounds} rounds of ${options.seconds} s after a warm-up, medians; Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} cores; load of the machine before: ${loadText()}`,
);
const reports: { name: string; report: CaseReport; load: readonly [number, number] }[] = [];
const failures: string[] = [];
for (const { name, title, run } of cases.filter((one) => chosen.includes(one.name))) {
  console.log(`\n== ${title} (--case ${name})`);
  const bench = new Bench(options);
  const [loadBefore = Number.NaN] = loadavg();
  try {
    const report = await run(bench);
    printReport(report);
    reports.push({ name, report, load: [loadBefore, loadavg()[0] ?? Number.NaN] });
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(failures.at(-1));
  } finally {
    await bench.stop();
  }
}

console.log("\n== all targets");
const verdicts = reports.flatMap(({ name, report }) =>
  report.verdicts.map((verdict): Verdict => ({ ...verdict, what: `${name}: ${verdict.what}` })),
);
printVerdicts(verdicts);
console.log(
  `load of the machine after: ${loadText()}; a quiet one shows about 2 while it measures, and ratios of a busy one are worth more than its absolute figures`,
);
if (values.json !== undefined) {
  const { rounds, seconds } = options;
  const machine = { node: process.versions.node, cpu: cpus()[0]?.model, cores: cpus().length };
  const text = JSON.stringify({ machine, rounds, seconds, cases: reports, verdicts, failures }, undefined, 2);
  writeFileSync(values.json, `${text}\n`);
}
if (failures.length > 0) process.exitCode = 1;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  console.error(`--${name}: expected a number above 0, got "${text}"`);
  process.exit(2);
}

function loadText(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(" ");
}
