import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildKey, goTools } from "./go-tools.ts";
import { cachedBinary, goTool, locateTool } from "./locate-tool.ts";

let folder: string;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "toolchain-"));
  environment = {
    PATH: join(folder, "path"),
    KUBEBUILDER_ASSETS: join(folder, "assets"),
    XDG_CACHE_HOME: join(folder, "cache"),
  };
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function place(path: string, mode = 0o755): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "#!/bin/sh\n");
  await chmod(path, mode);
  return path;
}

test("a tool that is nowhere says what would bring it", () => {
  expect(locateTool("etcd", environment)).toEqual({
    kind: "missing",
    reason: expect.stringMatching(/^etcd v3\.6\.\d+ is not installed: run `npm run toolchain`$/),
  });
});

test("what the user named wins over PATH, and PATH over what was built", async () => {
  const built = await place(cachedBinary(goTool("etcd"), environment));
  expect(locateTool("etcd", environment)).toEqual({ kind: "found", path: built, source: "cache" });
  const onPath = await place(join(folder, "path", "etcd"));
  expect(locateTool("etcd", environment)).toEqual({ kind: "found", path: onPath, source: "PATH" });
  const asset = await place(join(folder, "assets", "etcd"));
  expect(locateTool("etcd", environment)).toEqual({
    kind: "found",
    path: asset,
    source: "KUBEBUILDER_ASSETS",
  });
});

test("neither a folder nor a file that may not be run counts as a tool", async () => {
  await mkdir(join(folder, "path", "etcd"), { recursive: true });
  await place(join(folder, "assets", "etcd"), 0o644);
  expect(locateTool("etcd", environment).kind).toBe("missing");
});

test.each(goTools.map(({ name }) => name))("the cache knows %s by the version that go.mod pins", (name) => {
  expect(buildKey(goTool(name))).toMatch(/^v\d+\.\d+\.\d+-[0-9a-f]{12}$/);
});

test("a relative cache folder counts as none", () => {
  const path = cachedBinary(goTool("etcd"), { ...environment, XDG_CACHE_HOME: "cache" });
  expect(path).not.toContain(folder);
  expect(path).toMatch(/^\/.*\.cache\/domino-inference\/toolchain\/etcd\//);
});
