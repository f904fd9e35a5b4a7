import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "package-"));
const modules = join(folder, "app", "node_modules");
const installed = join(modules, "domino-inference");
const bin = join(installed, "bin", "domino-inference.js");

/**
 * Packs what would be published and installs it in another folder. The tests download nothing, so the dependencies that
 * the package declares are linked from here; that the registry gives the same ones is what `.ci/run` tries.
 */
beforeAll(async () => {
  const copy = join(folder, "source");
  mkdirSync(copy);
  // Packed from a copy: the build writes dist/, which another test may be reading.
  const { stdout: tracked } = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  for (const file of tracked.split("\n").filter((name) => name !== "")) {
    const target = join(copy, file);
    mkdirSync(dirname(target), { recursive: true });
    try {
      writeFileSync(target, readFileSync(join(root, file)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  await run("npm", ["pack", "--pack-destination", folder], { cwd: copy });
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", join(folder, packed()), "-C", installed, "--strip-components=1"]);
  for (const name of Object.keys(manifest().dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function packed(): string {
  const file = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (!file) throw new Error("npm pack wrote no file");
  return file;
}

function manifest(): { dependencies: Record<string, string>; bin: Record<string, string> } {
  return JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as ReturnType<typeof manifest>;
}

describe("the packed package, installed elsewhere", () => {
  test("holds compiled files and no TypeScript sources", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    expect(files).toContain("dist/cli/main.js");
    expect(files).toContain("schema/platform.schema.json");
    expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
  });

  test("plans a shipped stack by its bin", async () => {
    const { stdout } = await run(process.execPath, [bin, "plan", "--stack", "prod", "--format", "json"], {
      cwd: folder,
    });
    expect(JSON.parse(stdout)).toMatchObject({ kind: "PlatformPlan", stage: "prod" });
  });

  test("previews a shipped stack offline by its bin", async () => {
    const { stdout } = await run(
      process.execPath,
      [bin, "preview", "--stack", "dev", "--offline", "--format", "json"],
      {
        cwd: folder,
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    expect((JSON.parse(stdout) as { resources: unknown[] }).resources.length).toBeGreaterThan(20);
  });

  test("starts the local platform with its page, worker threads and proxy process by its bin", async () => {
    const { stdout } = await run(process.execPath, [bin, "start", "--once"], { cwd: folder });
    expect(stdout.match(/^ {2}ok {2}/gm)).toHaveLength(5);
  });

  test("exports the automation API and the components, and nothing else", async () => {
    const script = `
      const automation = await import("domino-inference/automation");
      const component = await import("domino-inference/components/cluster/gpu-node-group");
      const inside = await import("domino-inference/dist/cli/main.js").catch((error) => error.code);
      console.log(JSON.stringify([typeof automation.previewOffline, typeof component.GpuNodeGroup, inside]));`;
    const app = join(folder, "app");
    writeFileSync(join(app, "try.mjs"), script);
    const { stdout } = await run(process.execPath, [join(app, "try.mjs")], { cwd: app });
    expect(JSON.parse(stdout)).toEqual(["function", "function", "ERR_PACKAGE_PATH_NOT_EXPORTED"]);
  });
});
