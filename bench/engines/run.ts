// Prints what planning and previewing a hundred models cost. Nothing is asserted: figures are read by people.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hundredModels } from "./hundred-models.ts";

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
}

const runs = Number(process.env.BENCH_RUNS ?? 3);
const folder = mkdtempSync(join(tmpdir(), "bench-engines-"));
const spec = join(folder, "spec.yaml");
// Said by the process itself as it ends: its own clock, CPU time and largest resident set.
const meter = join(folder, "meter.mjs");
writeFileSync(spec, JSON.stringify(hundredModels()));
writeFileSync(
  meter,
  `
process.on("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const figures = [performance.now(), (userCPUTime + systemCPUTime) / 1000, maxRSS / 1024];
  process.stderr.write("FIGURES " + figures.join(" ") + "\\n");
});`,
);

console.log(`medians of ${runs} runs, Node ${process.versions.node}; one spec, 100 models, three engines`);
const commands = [
  ["plan", ["plan"], "-"],
  ["preview --offline", ["preview", "--offline", "--format", "json"], "6 s, 500 MB"],
] as const;
for (const [name, args, target] of commands) {
  const costs = Array.from({ length: runs }, () => costOf([...args, "--spec", spec]));
  const of = (figure: (cost: Cost) => number) => String(Math.round(median(costs.map(figure)))).padStart(6);
  console.log(
    `${name.padEnd(20)} ${of((cost) => cost.wallMs)} ms wall ${of((cost) => cost.cpuMs)} ms CPU ${of((cost) => cost.peakMiB)} MiB   target: ${target}`,
  );
}
rmSync(folder, { recursive: true });

function costOf(args: readonly string[]): Cost {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", meter, "bin/domino-inference.js", ...args],
    { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 },
  );
  const found = /^FIGURES (\S+) (\S+) (\S+)$/m.exec(stderr);
  if (status !== 0 || !found) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return { wallMs: Number(found[1]), cpuMs: Number(found[2]), peakMiB: Number(found[3]) };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
