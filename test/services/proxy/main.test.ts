import { once } from "node:events";
import { execFile, fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { flags } from "../../../services/proxy/command-line/flags.ts";
import { selfSigned } from "./self-signed.ts";
import { startEngine, startNamedEngine, table, tritonServer, vllmServer } from "./testbed.ts";

const main = new URL("../../../services/proxy/main.ts", import.meta.url).pathname;
const anywhere = ["--listen", "127.0.0.1:0"];
const open = ["--auth", "none", "--tls", "none", ...anywhere];

async function routesFile(text = JSON.stringify(table())): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-main-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "routes.json");
  await writeFile(file, text);
  return file;
}

/** Runs the program to its end. */
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** Starts the program and waits until it says over IPC that it listens. */
async function start(...args: string[]): Promise<{ child: ChildProcess; url: string; output: () => string }> {
  const child = fork(main, args, { silent: true });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const message = await new Promise<{ type: string; url: string }>((resolve) =>
    child.once("message", resolve as never),
  );
  expect(message.type).toBe("listening");
  return { child, url: message.url, output: () => output };
}

const exit = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));

describe("the proxy program", () => {
  it("says where it listens, and on SIGTERM finishes its streams and exits with 0", async () => {
    const opened = Promise.withResolvers<ServerResponse>();
    const engine = await startEngine((_received, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      opened.resolve(response);
    });
    const file = await routesFile(JSON.stringify(table(vllmServer([engine.url]))));
    const { child, url, output } = await start("--routes", file, ...open);
    const body = JSON.stringify({ model: "llama", messages: [], stream: true });
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", body });
    const ended = exit(child);
    child.kill("SIGTERM");
    while (!output().includes("draining")) await new Promise((resolve) => setTimeout(resolve, 5));
    (await opened.promise).end("data: 2\n\n");
    expect(await response.text()).toBe("data: 1\n\ndata: 2\n\n");
    expect(await ended).toBe(0);
    const lines = output()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ msg: "listening", url });
  });

  it("ends when its parent process is gone", async () => {
    const { child } = await start("--routes", await routesFile(), ...open);
    const ended = exit(child);
    child.disconnect();
    expect(await ended).toBe(0);
  });

  it("reports a port that is taken, without a stack trace", async () => {
    const engine = await startEngine(() => {});
    const { port } = new URL(engine.url);
    const listen = ["--listen", `127.0.0.1:${port}`];
    const { code, stderr } = await run(
      "--routes",
      await routesFile(),
      ...["--auth", "none", "--tls", "none", ...listen],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^LOCAL_PORT_IN_USE port ${port} of 127.0.0.1 is taken\n +remedy: `));
    expect(stderr).not.toContain("    at ");
  });

  it("reports every problem of a bad routing table", async () => {
    const { code, stderr } = await run("--routes", await routesFile(`{"kind":"x","servers":{}}`), ...open);
    expect(code).toBe(1);
    expect(stderr.match(/^ROUTES_INVALID /gm)).toHaveLength(3);
    const missing = await run("--routes", "/nowhere/routes.json", ...open);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toContain("ROUTES_INVALID cannot read /nowhere/routes.json (ENOENT)");
  });

  it.each([
    [
      "an unknown option",
      ["--routes", "x", ...open, "--verbose"],
      "PROXY_CONFIG_INVALID unknown option '--verbose'",
    ],
    ["a stray word", ["--routes", "x", ...open, "now"], "PROXY_CONFIG_INVALID too many arguments"],
    ["a value that is missing", [...open, "--routes"], "PROXY_CONFIG_INVALID option '--routes"],
    ["no option at all", [], "PROXY_CONFIG_INVALID --auth: it must be said who may send requests"],
  ])("exits with 2 on %s", async (_what, args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
  });

  it("takes every option from the environment too, and the command line's word before it", async () => {
    const engine = await startNamedEngine("one");
    const child = fork(main, anywhere, {
      silent: true,
      env: {
        ...process.env,
        DOMINO_INFERENCE_PROXY_ROUTES: await routesFile(JSON.stringify(table(tritonServer([engine.url])))),
        DOMINO_INFERENCE_PROXY_AUTH: "none",
        DOMINO_INFERENCE_PROXY_TLS: "none",
        DOMINO_INFERENCE_PROXY_LISTEN: "nonsense",
        DOMINO_INFERENCE_PROXY_MAX_BODY_BYTES: "200",
      },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [{ url }] = (await once(child, "message")) as [{ url: string }];
    const body = (payload: unknown): RequestInit => ({
      method: "POST",
      body: JSON.stringify({ inference_server_name: "tabular", model_name: "bert", payload }),
    });
    expect((await fetch(`${url}/predict`, body({}))).status).toBe(200);
    expect((await fetch(`${url}/predict`, body({ long: "a".repeat(200) }))).status).toBe(413);
  });

  it("lists every option and its variable in the help", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const { name } of flags) {
      expect(stdout).toContain(`--${name} <`);
      expect(stdout).toContain(`DOMINO_INFERENCE_PROXY_${name.toUpperCase().replaceAll("-", "_")})`);
    }
  });

  it("serves HTTPS with a certificate and its key", async () => {
    const { certificate, key } = selfSigned("localhost");
    const [cert, keyFile] = [await routesFile(certificate), await routesFile(key)];
    const { url } = await start(
      ...["--routes", await routesFile(), "--auth", "none", ...anywhere],
      ...["--tls-cert", cert, "--tls-key", keyFile],
    );
    expect(url).toMatch(/^https:/);
    const text = await new Promise<string>((resolve, reject) => {
      const request = get(
        `${url}/healthz`,
        { ca: certificate, servername: "localhost", agent: false },
        (response) => {
          response.setEncoding("utf8").once("data", resolve);
        },
      );
      request.once("error", reject);
    });
    expect(JSON.parse(text)).toBe("{'status': 'Healthy'}");
  });

  it("refuses TLS files that are not a certificate and a key", async () => {
    const file = await routesFile();
    const { code, stderr } = await run(
      "--routes",
      file,
      "--auth",
      "none",
      "--tls-cert",
      file,
      "--tls-key",
      file,
    );
    expect(code).toBe(2);
    expect(stderr).toContain("PROXY_CONFIG_INVALID --tls-cert");
    expect(stderr).not.toContain("    at ");
  });
});
