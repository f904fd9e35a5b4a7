import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "proxy-command-"));
afterAll(() => rmSync(folder, { recursive: true }));
const routes = join(folder, "routes.json");
writeFileSync(
  routes,
  JSON.stringify({ apiVersion: "domino-inference/v1", kind: "RoutingTable", servers: [] }),
);
const entry = new URL("../../bin/domino-inference.js", import.meta.url).pathname;

test("runs the proxy until it is told to stop", async () => {
  const args = ["proxy", "--routes", routes, "--auth", "none", "--tls", "none", "--listen", "127.0.0.1:0"];
  const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url, msg } = JSON.parse(line) as { url: string; msg: string };
  expect(msg).toBe("listening");
  expect(await (await fetch(`${url}/healthz`)).json()).toBe("{'status': 'Healthy'}");
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});

test("tells all that is wrong with the options and exits with 2", async () => {
  const { code, stdout, stderr } = await runCli(["proxy", "--tls", "none", "--listen", "here"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr.match(/^PROXY_CONFIG_INVALID --\S+: /gm)).toEqual([
    "PROXY_CONFIG_INVALID --routes: ",
    "PROXY_CONFIG_INVALID --listen: ",
    "PROXY_CONFIG_INVALID --auth: ",
  ]);
});

test("exits with 2 on an unknown option and with 1 on a bad routing table", async () => {
  expect(await runCli(["proxy", "--verbose"])).toMatchObject({ code: 2 });
  const missing = ["--routes", join(folder, "missing.json"), "--auth", "none", "--tls", "none"];
  const { code, stderr } = await runCli(["proxy", ...missing]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^ROUTES_INVALID /);
});
