// Measures the proxy next to the proxies that users would otherwise pick, alternating in one run, one core each, and
// prints every target with what was measured. Figures are read by people; nothing is asserted.
//
//   npm run bench:proxy -- [--case NAME]... [--rounds 5] [--seconds 3] [--memory-minutes 10] [--json FILE]
//                          [--checkout DIR]   another checkout with its packages, such as that of a base branch
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Bench, type BenchCase } from "./bench.ts";
import { featuresCase } from "./cases/features.ts";
import { halfLoadCase } from "./cases/half-load.ts";
import { litellmCase } from "./cases/litellm.ts";
import { memoryCase } from "./cases/memory.ts";
import { podSizeCase } from "./cases/pod-size.ts";
import { predictCases } from "./cases/predict.ts";
import { streamsCase } from "./cases/streams.ts";
import { watchOthers } from "./machine-noise.ts";
import { fixed, printReport, printVerdicts, type CaseReport, type Verdict } from "./report.ts";
import { loadCore, pin } from "./servers/measured-server.ts";
import { ownCheckout } from "./servers/proxy.ts";

const cases: readonly BenchCase[] = [
  ...predictCases,
  litellmCase,
  halfLoadCase,
  streamsCase,
  podSizeCase,
  featuresCase,
  memoryCase,
];

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

/** Others' share of the machine up to which latencies mean something. */
const quietShare = 0.05;
const noisy = ": ratios of CPU time hold, latencies and absolute figures are those of a busy machine";

// What is started inherits it; the servers under test are moved to the other core.
pin(process.pid, loadCore);
console.log(
  `${options.rounds} rounds of ${options.seconds} s after a warm-up, medians; Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} cores`,
);
const reports: { name: string; report: CaseReport; othersShare: number }[] = [];
const failures: string[] = [];
for (const { name, title, run } of cases.filter((one) => chosen.includes(one.name))) {
  console.log(`\n== ${title} (--case ${name})`);
  const bench = new Bench(options);
  const othersShare = watchOthers();
  let report: CaseReport | undefined;
  try {
    report = await run(bench);
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(failures.at(-1));
  } finally {
    await bench.stop();
  }
  if (report === undefined) continue;
  printReport(report);
  const share = othersShare();
  console.log(
    `others used ${fixed(share * 100, 0)} % of the machine meanwhile${share > quietShare ? noisy : ""}`,
  );
  reports.push({ name, report, othersShare: share });
}

console.log("\n== all targets");
const verdicts = reports.flatMap(({ name, report }) =>
  report.verdicts.map((verdict): Verdict => ({ ...verdict, what: `${name}: ${verdict.what}` })),
);
printVerdicts(verdicts);
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
