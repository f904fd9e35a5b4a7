import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { renderProblem } from "../../../platform/errors/platform-error.ts";
import {
  createOwnFolders,
  findStackHome,
  problemsOfStackHome,
  type StackHomeOptions,
} from "../../../services/automation/stack-home.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stack-home-"));
  vi.stubEnv("XDG_STATE_HOME", folder);
  vi.stubEnv("PULUMI_BACKEND_URL", undefined);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "");
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function problems(options: StackHomeOptions): Promise<readonly string[]> {
  const found = await problemsOfStackHome("prod", findStackHome(options));
  return found.map(renderProblem);
}

test("creates nothing while it looks, and no folder that was asked for", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const home = findStackHome({ backendUrl: `file://${folder}/state`, workDir: join(folder, "work") });
  expect(await problemsOfStackHome("prod", findStackHome({}))).toEqual([]);
  await createOwnFolders(home);
  expect(await readdir(folder)).toEqual([]);
});

test("keeps state in a folder that only this user may read", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  const home = findStackHome({});
  await createOwnFolders(home);
  expect(home.backendUrl).toBe(`file://${folder}/domino-inference/pulumi`);
  for (const path of ["domino-inference", "domino-inference/pulumi", "domino-inference/project"]) {
    expect((await stat(join(folder, path))).mode & 0o777).toBe(0o700);
  }
});

test("a backend that is asked for wins over the environment's, and that over the own folder", () => {
  vi.stubEnv("PULUMI_BACKEND_URL", "s3://state");
  expect(findStackHome({ workDir: folder }).backendUrl).toBe("s3://state");
  expect(findStackHome({ workDir: folder, backendUrl: "gs://state" }).backendUrl).toBe("gs://state");
});

test("works in the current folder where it is a Pulumi project, and else in a folder of its own", async () => {
  vi.spyOn(process, "cwd").mockReturnValue(folder);
  expect(findStackHome({}).workDir).toBe(join(folder, "domino-inference/project"));
  await writeFile(join(folder, "Pulumi.yaml"), "name: domino-inference\nruntime: nodejs\n");
  expect(findStackHome({}).workDir).toBe(folder);
});

test.each(["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"])(
  "refuses a folder whose %s is of another project, and names file, project and remedy",
  async (name) => {
    const file = join(folder, name);
    await writeFile(file, '{ "name": "webshop", "runtime": "nodejs" }');
    const refusal =
      `STACK_CONFIG_INVALID ${file}: is of the Pulumi project "webshop"; expected "domino-inference"\n` +
      '    remedy: Run from the folder of the project "domino-inference", or from an empty one.';
    expect(await problems({ workDir: folder })).toEqual([refusal]);
    vi.spyOn(process, "cwd").mockReturnValue(folder);
    expect(await problems({})).toEqual([refusal]);
  },
);

test.each([
  ["without a name", "runtime: nodejs\n", "names no Pulumi project"],
  ["that is empty", "", "names no Pulumi project"],
  ["that is no YAML", "name: [s3cr3t", "cannot be read as YAML"],
])("refuses a project file %s", async (_, text, reason) => {
  await writeFile(join(folder, "Pulumi.yaml"), text);
  const [refusal, ...others] = await problems({ workDir: folder });
  expect(refusal).toContain(reason);
  expect(refusal).not.toContain("s3cr3t");
  expect(others).toEqual([]);
});

test("refuses a project file that cannot be read, because the engine may be able to", async () => {
  await mkdir(join(folder, "Pulumi.yaml"));
  expect(await problems({ workDir: folder })).toEqual([expect.stringContaining("cannot be read")]);
});

test("works in a folder of its own project, and in one without a project", async () => {
  expect(await problems({ workDir: folder })).toEqual([]);
  await writeFile(join(folder, "Pulumi.yaml"), "name: domino-inference\nruntime: nodejs\n");
  expect(await problems({ workDir: folder })).toEqual([]);
});

test("refuses a self-managed backend without a passphrase, and says what to set", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  const [refusal, ...others] = await problems({
    workDir: folder,
    backendUrl: "s3://user:s3cr3t@state?token=s3cr3t",
  });
  expect(others).toEqual([]);
  expect(refusal).toContain("STACK_CONFIG_INVALID");
  expect(refusal).toContain('nothing encrypts the secrets of stack "prod" in the backend s3://state');
  expect(refusal).toContain("Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE");
  expect(refusal).not.toContain("s3cr3t");
});

test("needs no passphrase where a file has it, where a key service encrypts, or where Pulumi Cloud does", async () => {
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
  expect(await problems({ workDir: folder, backendUrl: "https://api.pulumi.com" })).toEqual([]);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", "/run/secrets/passphrase");
  expect(await problems({ workDir: folder })).toEqual([]);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", undefined);
  await writeFile(join(folder, "Pulumi.prod.yaml"), "secretsprovider: awskms://alias/pulumi\n");
  expect(await problems({ workDir: folder })).toEqual([]);
  await writeFile(join(folder, "Pulumi.prod.yaml"), "secretsprovider: passphrase\n");
  expect(await problems({ workDir: folder })).toEqual([expect.stringContaining("nothing encrypts")]);
});
