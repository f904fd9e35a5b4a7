// Runs the optimizer's benches one after the other: what each reaches, next to what the peer recorded or the target.
// Figures are read by people; nothing is asserted. A bench alone: `node bench/optimizer/<name>.ts`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const benches: readonly (readonly [title: string, file: string, ...args: string[]])[] = [
  ["sizing of Inferno systems", "sizing.ts"],
  ["assignment under limited capacity", "assignment.ts"],
  // A third of the cases, simulated a quarter as long: minutes instead of an hour.
  [
    "continuous-batching predictions against the simulation",
    "prediction/accuracy.ts",
    "--cases=12",
    "--requests=60000",
  ],
  ["dynamic-batching predictions against the simulation", "batching-prediction.ts"],
  ["allocations checked by simulation", "allocations.ts"],
  ["nodes against a proven lower bound", "packing.ts"],
];

for (const [title, file, ...args] of benches) {
  console.log(`\n== ${title} (bench/optimizer/${file})`);
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...args], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
}
