import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";

const entry = fileURLToPath(new URL("../../bin/domino-inference.js", import.meta.url));

test("start --once answers from every model through the proxy, ends with 0 and leaves nothing listening", async () => {
  const { code, stdout, stderr } = await runCli(["start", "--once"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const answers = [...stdout.matchAll(/^ {2}ok {2}(\S+)/gm)].map(([, name]) => name);
  expect(answers.toSorted()).toEqual([
    "chat/llama-3-70b:",
    "triton-domino-ondemand-load-inference/BERT-BASED",
    "triton-domino-ondemand-load-inference/DISTILBERT",
    "triton-domino-pre-load-inference/BERT-BASED",
    "triton-domino-pre-load-inference/DISTILBERT",
  ]);
  for (const [, url = ""] of stdout.matchAll(/up {2}(?:proxy|page): (\S+)/g)) {
    await expect(fetch(url)).rejects.toThrow();
  }
});

test.each(["--port", "--page-port"])(
  "start with a taken %s says so, ends with 1 and leaves nothing behind",
  async (option) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await runCli(["start", "--once", option, String(port)]);
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^LOCAL_PORT_IN_USE .*\n {4}remedy: /);
    expect(stderr).not.toMatch(/^\s+at /m);
    for (const [, url = ""] of stdout.matchAll(/up {2}proxy: (\S+)/g))
      await expect(fetch(url)).rejects.toThrow();
  },
);

test("start --once that is interrupted before all answers ends with 130, and leaves nothing behind", async () => {
  const child = spawn(process.execPath, [entry, "start", "--once"]);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  while (!stdout.includes("one request to every model")) await once(child.stdout, "data");
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number | null];
  expect(code).toBe(130);
  for (const [, url = ""] of stdout.matchAll(/up {2}(?:proxy|page): (\S+)/g))
    await expect(fetch(url)).rejects.toThrow();
});

test("start without a folder for its files says so, ends with 1 and starts nothing", async () => {
  const { code, stdout, stderr } = await runCli(["start", "--once"], { env: { TMPDIR: "/nonexistent" } });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^LOCAL_START_FAILED no folder can be made in \/nonexistent \(ENOENT\)\n/);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).not.toContain("  up  ");
});

test.each([
  ["--host", ""],
  ["--host", "not a host"],
  ["--port", ""],
  ["--port", "0x50"],
  ["--load", "-1"],
])("start refuses %s %j as a wrong command line", async (option, value) => {
  const { code, stderr } = await runCli(["start", "--once", option, value]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^CLI_USAGE /);
});

test("start refuses a plan that leaves servers out before anything is started", async () => {
  const { code, stdout, stderr } = await runCli([
    "start",
    "--once",
    "--spec",
    "test/fixtures/unplaceable.yaml",
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^PLAN_UNPLACEABLE /);
  expect(stdout).not.toContain("  up  ");
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "start stays up until %s, then everything it started is gone",
  async (signal) => {
    const child = spawn(process.execPath, [entry, "start", "--port", "0", "--page-port", "0"]);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    while (!stdout.includes("Ctrl-C ends it.")) await once(child.stdout, "data");
    const urls = [...stdout.matchAll(/up {2}(?:proxy|page): (\S+)/g)].map(([, url = ""]) => url);
    expect(urls).toHaveLength(2);
    for (const url of urls) expect((await fetch(`${url}/`)).status).toBeLessThan(500);
    child.kill(signal);
    const [code] = (await once(child, "close")) as [number | null];
    expect(code).toBe(0);
    for (const url of urls) await expect(fetch(url)).rejects.toThrow();
  },
);
