import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { startDashboard, type RunningDashboard } from "../../../services/dashboard/server.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const plan = planPlatform(parsed(smallSpec));
const proxy = createServer((_request, response) => {
  response.end('inference_requests_total{server="tabular"} 1\n');
});
let page: RunningDashboard;

beforeAll(async () => {
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  page = await startDashboard({ plan, proxyUrl: `http://127.0.0.1:${port}`, port: 0 });
});
afterAll(async () => {
  await page.close();
  proxy.close();
});

test("serves the page with everything it loads, from itself only", async () => {
  const html = await (await fetch(page.url)).text();
  const loaded = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path);
  expect(loaded).toEqual(["/uplot.css", "/page.css", "/page.js"]);
  for (const path of [...loaded, "/uplot.js"]) {
    const response = await fetch(`${page.url}${path}`);
    expect(response.status, path).toBe(200);
    expect((await response.text()).length).toBeGreaterThan(100);
  }
  expect(html).not.toMatch(/https?:\/\//);
});

test("forbids everything that is not its own by its content security policy", async () => {
  const { headers } = await fetch(page.url);
  expect(headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test("serves the plan as it is", async () => {
  expect(await (await fetch(`${page.url}/plan.json`)).json()).toEqual(JSON.parse(JSON.stringify(plan)));
});

test("sends figures of every server as events", async () => {
  const response = await fetch(`${page.url}/events`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("data: ")) text += (await reader?.read())?.value ?? "";
  await reader?.cancel();
  const [, json = ""] = /data: (.*)/.exec(text) ?? [];
  expect((JSON.parse(json) as { servers: unknown[] }).servers).toHaveLength(plan.servers.length);
});

test("stays up when it is asked for what is no URL", async () => {
  const { hostname, port } = new URL(page.url);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    get({ hostname, port, path: "//" }, (response) => resolve(response.resume().statusCode)).once(
      "error",
      reject,
    );
  });
  expect(status).toBe(404);
  expect((await fetch(page.url)).status).toBe(200);
});

test("answers 404 to other paths and 405 to other methods", async () => {
  expect((await fetch(`${page.url}/../package.json`)).status).toBe(404);
  expect((await fetch(page.url, { method: "POST" })).status).toBe(405);
});

test("reports a taken port as LOCAL_PORT_IN_USE", async () => {
  const { port } = new URL(page.url);
  await expect(startDashboard({ plan, proxyUrl: page.url, port: Number(port) })).rejects.toMatchObject({
    problems: [{ code: "LOCAL_PORT_IN_USE" }],
  });
});
