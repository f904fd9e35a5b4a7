import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  stagingCommand,
  stagingMarker,
  type StagedVersion,
} from "../../../platform/engines/triton/staging.ts";
import { startMoto, type RunningMoto } from "../aws/moto.ts";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import {
  awsFolder,
  bucket,
  createBucket,
  putObjects,
  region,
  runWithAws,
  type Outcome,
} from "./triton-s3.ts";

const run = "mlflow/7f3a/artifacts/model";
const bert: StagedVersion = { model: "bert", version: "3", bucket, prefix: run };

/** The objects of one version, one of them in a folder, one empty, and one that stands for a folder. */
const objects: Readonly<Record<string, string>> = {
  "model.onnx": "weights".repeat(10_000),
  MLmodel: "flavors: {}\n",
  "data/part one": "1",
  "empty.txt": "",
  "data/": "",
};

suite("staging of model versions from S3", [serverNeed("moto")], () => {
  let moto: RunningMoto;
  let folder: string;
  let root: string;

  beforeAll(async () => {
    moto = await startMoto(region);
    await createBucket(moto);
    for (const prefix of [run, "mlflow/8b2c/artifacts/model"]) await put(prefix, objects);
  });
  afterAll(() => moto?.stop());
  afterEach(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    folder = await temporaryFolder("staging");
    root = join(folder, "models");
    await mkdir(root);
  });

  const put = (prefix: string, files: Readonly<Record<string, string>>) => putObjects(moto, prefix, files);

  /** Runs the script, with a program in front of the AWS CLI where one is given. */
  const stage = (versions: readonly StagedVersion[], before?: string): Promise<Outcome> =>
    runWithAws(moto, folder, stagingCommand(versions, { root, owner: "tabular" }), before);

  /** A program called aws that does something when objects are copied, and else is the AWS CLI. */
  const whenCopying = async (script: string): Promise<string> => {
    const wrapper = join(folder, "before");
    await mkdir(wrapper, { recursive: true });
    const text = `#!/bin/sh\nreal='${join(awsFolder(), "aws")}'\nif [ "$1 $2" = "s3 cp" ]; then\n${script}\nfi\nexec "$real" "$@"\n`;
    await writeFile(join(wrapper, "aws"), text);
    await chmod(join(wrapper, "aws"), 0o755);
    return wrapper;
  };
  const left = async () => (await readdir(root)).toSorted();
  const read = (...path: string[]) => readFile(join(root, ...path), "utf8");

  test("brings every object of a version, and says where it came from", async () => {
    expect(await stage([bert])).toMatchObject({ code: 0 });
    const bytes = Object.values(objects).join("").length;
    expect(await read("bert", "3", "model.onnx")).toBe(objects["model.onnx"]);
    expect(await read("bert", "3", "data", "part one")).toBe("1");
    expect(await read("bert", "3", "empty.txt")).toBe("");
    expect(await read("bert", "3", stagingMarker)).toBe(`s3://${bucket}/${run}\n4 objects, ${bytes} bytes\n`);
    expect(await left()).toEqual(["bert"]);
  });

  test("does nothing for a version that is there, and brings what is new beside it", async () => {
    await stage([bert]);
    await writeFile(join(root, "bert", "3", "model.onnx"), "as it was");
    const result = await stage([bert, { ...bert, version: "4" }]);
    expect(result).toMatchObject({ code: 0 });
    expect(result.output).toContain(`bert/3: there already, from s3://${bucket}/${run}\n`);
    expect(await read("bert", "3", "model.onnx")).toBe("as it was");
    expect(await readdir(join(root, "bert", "4"))).toContain("model.onnx");
  });

  test("never changes a version: not for another source, nor where somebody else put one", async () => {
    await stage([bert]);
    expect(await stage([{ ...bert, prefix: "mlflow/8b2c/artifacts/model" }])).toEqual({
      code: 1,
      output: `staging: ${root}/bert/3 came from s3://${bucket}/${run}, not from s3://${bucket}/mlflow/8b2c/artifacts/model; versions never change, use another one\n`,
    });
    await mkdir(join(root, "own", "3"), { recursive: true });
    expect(await stage([{ ...bert, model: "own" }])).toEqual({
      code: 1,
      output: `staging: ${root}/own/3 is there already and was not staged; use another version\n`,
    });
  });

  test("shows nothing of a version when it is killed in the middle, and the next run completes it", async () => {
    const killed = await whenCopying(
      `mkdir -p "$6"; "$real" s3 cp --only-show-errors "$5MLmodel" "$6MLmodel"; kill -9 $PPID; exit 1`,
    );
    expect(await stage([bert], killed)).toMatchObject({ code: "SIGKILL" });
    expect(await left()).toEqual([".staging-tabular"]);
    expect(await readdir(join(root, ".staging-tabular", "files"))).toEqual(["MLmodel"]);
    expect(await stage([bert])).toMatchObject({ code: 0 });
    expect(await left()).toEqual(["bert"]);
    expect((await readdir(join(root, "bert", "3"))).toSorted()).toEqual([
      stagingMarker,
      "MLmodel",
      "data",
      "empty.txt",
      "model.onnx",
    ]);
  });

  test("fails and cleans up where the source is missing, incomplete or changing", async () => {
    expect(await stage([{ ...bert, prefix: "mlflow/none" }])).toEqual({
      code: 1,
      output: `staging: s3://${bucket}/mlflow/none has no objects\n`,
    });
    const lost = await whenCopying(`"$real" "$@"; rm "$6/MLmodel"; exit 0`);
    expect(await stage([bert], lost)).toEqual({
      code: 1,
      output: `staging: s3://${bucket}/${run}: ${run}/MLmodel did not arrive\n`,
    });
    const cut = await whenCopying(`"$real" "$@"; echo cut >"$6/model.onnx"; exit 0`);
    expect((await stage([bert], cut)).output).toBe(
      `staging: s3://${bucket}/${run}: ${run}/model.onnx did not arrive in full\n`,
    );
    const more = await whenCopying(`"$real" "$@"; echo more >"$6/.hidden"; exit 0`);
    expect((await stage([bert], more)).output).toBe(
      `staging: s3://${bucket}/${run}: 5 files arrived for 4 objects\n`,
    );
    await put("mlflow/busy", objects);
    const busy = await whenCopying(
      `"$real" "$@"; echo new | "$real" s3 cp - s3://${bucket}/mlflow/busy/MLmodel; exit 0`,
    );
    expect(await stage([{ ...bert, prefix: "mlflow/busy" }], busy)).toEqual({
      code: 1,
      output: `staging: s3://${bucket}/mlflow/busy changed while it was read; stage it again when it is complete\n`,
    });
    const failing = await whenCopying("exit 7");
    expect(await stage([bert], failing)).toMatchObject({ code: 7 });
    expect(await left()).toEqual([]);
  });

  test("fails where S3 cannot be listed", async () => {
    const result = await stage([{ ...bert, bucket: "no-such-bucket" }]);
    expect(result.code).not.toBe(0);
    expect(result.output).toContain("NoSuchBucket");
    expect(await left()).toEqual([]);
  });

  test("writes nowhere but below its folder, whatever keys and links are there", async () => {
    const outside = join(folder, "outside");
    await mkdir(outside);
    await put("mlflow/escape", { "model.onnx": "x", "../../../../outside/evil": "evil" });
    expect((await stage([{ ...bert, prefix: "mlflow/escape" }])).code).not.toBe(0);

    await symlink(outside, join(root, "linked"));
    expect(await stage([{ ...bert, model: "linked" }])).toEqual({
      code: 1,
      output: `staging: ${root}/linked is a link, not a folder\n`,
    });
    await mkdir(join(root, "half"));
    await symlink(outside, join(root, "half", "3"));
    expect(await stage([{ ...bert, model: "half" }])).toEqual({
      code: 1,
      output: `staging: ${root}/half/3 is a link, not a folder\n`,
    });
    await rm(join(root, "half"), { recursive: true });
    await symlink(outside, join(root, ".staging-tabular"));
    expect(await stage([bert])).toMatchObject({ code: 0 });
    expect(await readdir(outside)).toEqual([]);
  });

  test("yields to another run that was faster with the same version", async () => {
    const faster = await whenCopying(
      `"$real" "$@"; mkdir -p '${root}/bert/3'; printf 's3://%s/%s\\n' ${bucket} ${run} >'${root}/bert/3/${stagingMarker}'; exit 0`,
    );
    expect(await stage([bert], faster)).toMatchObject({ code: 0 });
    expect(await readdir(join(root, "bert", "3"))).toEqual([stagingMarker]);
  });
});
