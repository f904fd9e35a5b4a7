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
cpSync("services/dashboard/page", "dist/services/dashboard/page", { recursive: true });
