// Fails where a commit changes a golden file and no test beside it: a golden file shows that something changed, only a
// named assertion says what was meant.
import { execFileSync, spawnSync } from "node:child_process";

if (spawnSync("git", ["rev-parse", "--is-inside-work-tree"]).status !== 0) {
  console.log("not a git checkout: the commits of the golden files are not checked");
} else {
  const commits = git("log", "--no-merges", "--format=%h", "--", "test/golden");
  const silent = commits.filter((commit) => {
    const files = git("show", "--format=", "--name-only", commit);
    return !files.some((file) => file.startsWith("test/") && file.endsWith(".test.ts"));
  });
  for (const commit of silent)
    console.error(`${commit} changes test/golden without a named assertion in a test`);
  if (silent.length > 0) process.exitCode = 1;
}

function git(...args: readonly string[]): string[] {
  return execFileSync("git", [...args], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}
