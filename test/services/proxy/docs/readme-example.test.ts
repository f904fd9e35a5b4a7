import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { json, startEngine } from "../testbed.ts";
import { blocks, page } from "./page.ts";

const entry = new URL("../../../../bin/domino-inference.js", import.meta.url).pathname;
const readme = readFileSync("README.md", "utf8");

const chat = (): ReturnType<typeof startEngine> =>
  startEngine(({ body }, response) => json(response, 200, { asked: JSON.parse(body.toString()) as unknown }));

/** Runs a documented command in a folder of its own, at free ports, until it listens. */
async function startDocumented(routes: string, command: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "documented-proxy-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "routes.yaml"), routes);
  const [, ...args] = command.replace(/^npx /, "").replace("127.0.0.1:8443", "127.0.0.1:0").split(/ +/);
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

/** Asks what a line of curl asks. */
async function asked(url: string, curl: string): Promise<unknown> {
  const [, path = ""] = /^curl http:\/\/127\.0\.0\.1:8443(\/\S*)/.exec(curl) ?? [];
  const [, body] = / -d '([^']+)'$/.exec(curl) ?? [];
  const answer = await fetch(url + path, body === undefined ? {} : { method: "POST", body });
  expect(answer.status, curl).toBe(200);
  return answer.json();
}

function curlsOf(blocks: readonly string[]): readonly string[] {
  return blocks.flatMap((block) => block.split("\n")).filter((line) => line.startsWith("curl "));
}

const messages = [{ role: "user", content: "Hello" }];

test("the README's proxy starts as it is written there and answers what is asked there", async () => {
  const [block = ""] = blocks(readme, "sh").filter((one) => one.includes("> routes.yaml"));
  const [, routes = "", command = ""] =
    /^cat > routes\.yaml <<'END'\n([\s\S]*?)\nEND\n(.+)\n$/.exec(block) ?? [];
  const engine = await chat();
  const url = await startDocumented(routes.replace("http://127.0.0.1:8000", engine.url), command);
  const answers = await Promise.all(curlsOf(blocks(readme, "sh")).map((curl) => asked(url, curl)));
  const request = { model: "llama-3-8b", messages };
  expect(answers).toEqual([
    expect.objectContaining({ data: [expect.objectContaining({ id: "llama-3-8b" })] }),
    { asked: request },
    { status_code: 200, result: { asked: request } },
  ]);
});

test("the page's first proxy starts as it is written there and answers what is asked there", async () => {
  const [routes = ""] = blocks(page, "yaml");
  const [command = ""] = blocks(page, "sh").filter((block) => block.includes("--auth none"));
  const engine = await chat();
  const url = await startDocumented(routes.replace("http://127.0.0.1:8000", engine.url), command.trim());
  const answers = await Promise.all(curlsOf(blocks(page, "sh")).map((curl) => asked(url, curl)));
  expect(answers).toEqual([
    "{'status': 'Healthy'}",
    expect.objectContaining({ data: [expect.objectContaining({ id: "llama-3-70b" })] }),
    { asked: { model: "llama-3-70b", messages } },
  ]);
});
