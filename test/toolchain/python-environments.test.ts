import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { benchServers, environmentFolder, pythonEnvironment, pythonServers } from "./python-environments.ts";
import { suite, type Need } from "../e2e/requires.ts";
import { pythonInterpreter } from "./python-interpreter.ts";

const requirements = ["requirements.txt", "requirements-no-deps.txt"];

describe.each([...pythonServers, ...benchServers])("the environment of %s", (server) => {
  const folder = join(import.meta.dirname, "python", server);

  test("is pinned exactly, one version a package", () => {
    const lines = requirements
      .map((file) => join(folder, file))
      .filter((file) => existsSync(file))
      .flatMap((file) => readFileSync(file, "utf8").split("\n"))
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines.filter((line) => !/^[a-z0-9][a-z0-9._-]*==[A-Za-z0-9.+!]+$/.test(line))).toEqual([]);
    const names = lines.map((line) => line.split("==", 1)[0]);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(0);
  });

  test("pins what is wanted", () => {
    const wanted = readFileSync(join(folder, "requirements.in"), "utf8").split("\n").filter(Boolean);
    const pinned = readFileSync(join(folder, "requirements.txt"), "utf8");
    for (const line of wanted) {
      const [, name = "", version] = /^([\w.-]+)(?:\[[\w,]+\])?(==.+)?/.exec(line) ?? [];
      expect(pinned).toMatch(new RegExp(`^${name}${version ?? "=="}`, "m"));
    }
  });
});

const interpreter = pythonInterpreter();
const python: Need = {
  name: "Python",
  ...(interpreter.kind === "missing" ? { missing: interpreter.reason } : {}),
};

suite("an environment", [python], () => {
  async function emptyCache(): Promise<void> {
    const cache = await mkdtemp(join(tmpdir(), "python-cache-"));
    vi.stubEnv("XDG_CACHE_HOME", cache);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(cache, { recursive: true, force: true });
    });
  }

  test("that was not prepared is missing, with the command that prepares it", async () => {
    await emptyCache();
    expect(pythonEnvironment("triton")).toEqual({
      kind: "missing",
      reason: "not prepared: run `npm run toolchain:servers triton`",
    });
  });

  test("that was not finished is missing", async () => {
    await emptyCache();
    const prepared = environmentFolder("moto") ?? "";
    await mkdir(prepared, { recursive: true });
    expect(pythonEnvironment("moto").kind).toBe("missing");
    await writeFile(join(prepared, ".complete"), "");
    const found = pythonEnvironment("moto");
    expect(found).toMatchObject({ kind: "ready", folder: prepared, python: join(prepared, "bin", "python") });
    expect(found.kind === "ready" && dirname(found.sitePackages)).toMatch(/python3\.1[1-3]$/);
  });
});
