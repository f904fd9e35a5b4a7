// Everything a change must pass besides the tests, in the order in which it fails fastest.
import { spawnSync } from "node:child_process";

const steps: readonly (readonly [string, ...string[]])[] = [
  ["prettier", "--check", "."],
  ["eslint", "."],
  ["typescript", "-p", "."],
  ["scripts/generate.ts", "--check"],
  ["scripts/golden-commits.ts"],
];

for (const [program, ...args] of steps) {
  console.log(`\n> ${program} ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, ["bin/require-node.js", program, ...args], {
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error(`\ncheck failed at: ${program}`);
    process.exit(1);
  }
}
console.log("\nstatic checks passed");
