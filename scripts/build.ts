// Compiles the published package into dist/: Node does not strip types under node_modules.
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  ["bin/require-node.js", "typescript", "-p", "tsconfig.build.json"],
  {
    stdio: "inherit",
  },
);
if (status !== 0) process.exit(status ?? 1);
// What the compiler does not copy: the page, and the files by which Pulumi finds the policy pack.
for (const file of [
  "services/dashboard/page",
  "policies/pack/PulumiPolicy.yaml",
  "policies/pack/index.cjs",
  "policies/pack/package.json",
]) {
  cpSync(file, `dist/${file}`, { recursive: true });
}
