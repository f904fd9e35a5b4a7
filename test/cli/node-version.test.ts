import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

/** Makes a Node.js believe that it is another one, before anything else runs. */
function pretending(version: string): string {
  const source = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
  return `--import=data:text/javascript,${encodeURIComponent(source)}`;
}

test.each([
  ["the command line", ["bin/domino-inference.js", "plan", "--stack", "prod"]],
  ["npm's scripts", ["bin/require-node.js", "vitest", "--version"]],
  ["a service", ["bin/require-node.js", "services/proxy/main.ts", "--help"]],
])("%s under a Node.js that cannot strip types says what to do, and ends with 1", async (_what, args) => {
  for (const version of ["20.20.2", "22.17.1"]) {
    await expect(run(process.execPath, [pretending(version), ...args])).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^RUNTIME_NODE_TOO_OLD Node\.js .* is too old; 22\.18 or newer.*\n {4}remedy: /,
      ),
    });
  }
});

test("a Node.js that is new enough runs them", async () => {
  const { stdout } = await run(process.execPath, [
    pretending("22.18.0"),
    "bin/require-node.js",
    "services/proxy/main.ts",
    "--help",
  ]);
  expect(stdout).toContain("--routes");
});
