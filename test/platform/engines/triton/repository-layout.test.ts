import { execFile } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configKey } from "../../../../platform/engines/triton/config-pbtxt.ts";
import { layoutCommand } from "../../../../platform/engines/triton/repository-layout.ts";
import type { GroupModel } from "../../../../platform/plan/platform-plan.ts";
import { tritonModel } from "./triton-model.ts";

let folder: string;
let models: string;
let repository: string;
let configs: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "layout it's "));
  models = join(folder, "models on storage");
  repository = join(folder, "repository");
  configs = join(folder, "configs");
  for (const path of [models, repository, configs]) await mkdir(path);
});
afterEach(() => rm(folder, { recursive: true }));

const store = async (...path: string[]) => {
  await mkdir(join(models, ...path), { recursive: true });
  await writeFile(join(models, ...path, "model.onnx"), path.join("/"));
};
async function layOut(...all: GroupModel[]): Promise<{ code: number | string; errors: string }> {
  for (const { name } of all) await writeFile(join(configs, configKey(name)), `name: "${name}"\n`);
  const [command = "", ...args] = layoutCommand(all, { models, configs, repository });
  return new Promise((resolve) => {
    execFile(command, args, (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, errors: stderr }));
  });
}
const listed = async (...path: string[]) => (await readdir(join(repository, ...path))).toSorted();
const read = (...path: string[]) => readFile(join(repository, ...path), "utf8");

const ensemble = { steps: [{ model: "a", inputs: {}, outputs: {} }] };

describe("a model repository", () => {
  test("has the configuration beside links to the versions of the spec, and to no others", async () => {
    for (const version of ["1", "2", "10"]) await store("BERT-BASED_v1.2", version);
    expect(await layOut(tritonModel("BERT-BASED_v1.2", {}, "1", "10"))).toEqual({ code: 0, errors: "" });
    expect(await listed("BERT-BASED_v1.2")).toEqual(["1", "10", "config.pbtxt"]);
    expect(await read("BERT-BASED_v1.2", "config.pbtxt")).toBe('name: "BERT-BASED_v1.2"\n');
    expect(await read("BERT-BASED_v1.2", "10", "model.onnx")).toBe("BERT-BASED_v1.2/10");
    expect(await readlink(join(repository, "BERT-BASED_v1.2", "1"))).toBe(
      join(models, "BERT-BASED_v1.2", "1"),
    );
  });

  test("has the platform's configuration, wherever data scientists put one", async () => {
    await store("bert", "1");
    for (const place of [["bert"], ["bert", "1"]]) {
      await writeFile(join(models, ...place, "config.pbtxt"), "theirs");
    }
    await layOut(tritonModel("bert"));
    expect(await read("bert", "config.pbtxt")).toBe('name: "bert"\n');
    expect(await readFile(join(models, "bert", "config.pbtxt"), "utf8")).toBe("theirs");
  });

  test("has what lies beside the versions: labels, environments of Python", async () => {
    await store("bert", "1");
    await store("bert", "2");
    await writeFile(join(models, "bert", "labels of classes.txt"), "good");
    await mkdir(join(models, "bert", "1st-environment"));
    await layOut(tritonModel("bert"));
    expect(await listed("bert")).toEqual(["1", "1st-environment", "config.pbtxt", "labels of classes.txt"]);
    expect(await read("bert", "labels of classes.txt")).toBe("good");
  });

  test("has empty folders for the versions of an ensemble", async () => {
    await store("a", "1");
    expect(await layOut(tritonModel("a"), tritonModel("both", { ensemble }, "2"))).toMatchObject({ code: 0 });
    expect(await listed("both")).toEqual(["2", "config.pbtxt"]);
    expect(await listed("both", "2")).toEqual([]);
  });

  test("shows a version that is renamed into place later", async () => {
    await store("bert", "1");
    await layOut(tritonModel("bert"));
    await store("next", "1");
    await rename(join(models, "bert", "1"), join(models, "bert", "old"));
    await rename(join(models, "next", "1"), join(models, "bert", "1"));
    expect(await read("bert", "1", "model.onnx")).toBe("next/1");
  });

  test("is the same when it is laid out again, as after a restart of the pod", async () => {
    await store("a", "1");
    await writeFile(join(models, "a", "labels.txt"), "good");
    const all = [tritonModel("a"), tritonModel("both", { ensemble })];
    await layOut(...all);
    expect(await layOut(...all)).toEqual({ code: 0, errors: "" });
    expect(await listed("a")).toEqual(["1", "config.pbtxt", "labels.txt"]);
    expect(await readdir(join(models, "a"))).toEqual(["1", "labels.txt"]);
  });
});

describe("versions that are not on the storage", () => {
  test("are all named before the script gives up", async () => {
    await store("bert", "1");
    await mkdir(join(models, "bert", "2"));
    await writeFile(join(models, "bert", "3"), "a file");
    await symlink(join(models, "nowhere"), join(models, "bert", "4"));
    expect(await layOut(tritonModel("bert", {}, "1", "2", "3", "4"), tritonModel("gone"))).toEqual({
      code: 1,
      errors: [
        `model repository: the folder ${models}/bert/2 is empty`,
        `model repository: there is no folder ${models}/bert/3`,
        `model repository: there is no folder ${models}/bert/4`,
        `model repository: there is no folder ${models}/gone/1`,
        `model repository: 4 of 5 versions are not on the storage\n`,
      ].join("\n"),
    });
  });

  test("include those of a configuration that was not mounted", async () => {
    await store("bert", "1");
    const [command = "", ...args] = layoutCommand([tritonModel("bert")], { models, configs, repository });
    const ended = new Promise((resolve) => execFile(command, args, (error) => resolve(error?.code)));
    expect(await ended).toBe(1);
  });
});
