// Runs both with their full numbers, one after the other: fuzzed requests, and mixed ones under changes of the engines.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

for (const [title, file] of [
  ["fuzzed requests", "fuzz.ts"],
  ["mixed requests while engines come and go", "soak.ts"],
] as const) {
  console.log(`\n== ${title} (bench/proxy/reliability/${file})`);
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, [path], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
