import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { debianTools, fetchDebianTool, locateDebianTool } from "./debian-tools.ts";

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "debian-cache-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true });
});

async function unpacked(name: "nginx" | "wrk", ...folders: readonly string[]): Promise<string> {
  const root = join(cache, "domino-inference", "toolchain", "debian", name);
  const program = debianTools.find((tool) => tool.name === name)?.program ?? "";
  for (const folder of [dirname(program), ...folders]) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, program), "");
  return root;
}

test("a tool that was not unpacked is missing", () => {
  expect(locateDebianTool("nginx")).toEqual({ kind: "missing", reason: "nginx is not unpacked" });
});

test("an unpacked tool is found with the folder of its libraries, whatever the machine", async () => {
  const root = await unpacked("wrk", "usr/lib/aarch64-linux-gnu", "usr/lib/python3");
  expect(locateDebianTool("wrk")).toEqual({
    kind: "found",
    path: join(root, "usr/bin/wrk"),
    root,
    env: { LD_LIBRARY_PATH: join(root, "usr/lib/aarch64-linux-gnu") },
  });
});

test("a tool that brings no libraries needs nothing in its environment", async () => {
  await unpacked("nginx");
  expect(locateDebianTool("nginx")).toMatchObject({ kind: "found", env: {} });
});

test("what is unpacked is not fetched again", async () => {
  const root = await unpacked("nginx");
  const said: string[] = [];
  expect(await fetchDebianTool("nginx", (line) => said.push(line))).toMatchObject({ root });
  expect(said).toEqual([]);
});

test("where apt is missing nothing is left behind", async () => {
  vi.stubEnv("PATH", cache);
  await expect(fetchDebianTool("wrk", () => undefined)).rejects.toThrow("apt-get");
  expect(locateDebianTool("wrk").kind).toBe("missing");
});
