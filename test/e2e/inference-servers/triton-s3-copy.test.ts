import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { modelCopyContainer } from "../../../components/engines/model-copy.ts";
import type { GroupModel, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { startMoto, type RunningMoto } from "../aws/moto.ts";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask } from "./server-under-test.ts";
import { layOut, plannedModel, serverArguments } from "./triton-laid-out.ts";
import { bucket, createBucket, putObjects, region, runWithAws, type Outcome } from "./triton-s3.ts";
import { startTritonServer } from "./triton.ts";

const half = plannedModel("half", ["1", "3"], {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
  parameters: { FACTOR: "0.5" },
});

suite(
  "models that are copied from S3 before their server starts",
  [serverNeed("moto"), serverNeed("triton")],
  () => {
    let moto: RunningMoto;
    let folder: string;
    let target: string;

    beforeAll(async () => {
      moto = await startMoto(region);
      await createBucket(moto);
      const code = await readFile(join(import.meta.dirname, "python", "triton_scale_model.py"), "utf8");
      for (const version of ["1", "2", "3"]) {
        await putObjects(moto, `triton/half/${version}`, { "model.py": code, "data/weights.bin": version });
      }
      await putObjects(moto, "triton/half", { "labels.txt": "a" });
    });
    afterAll(() => moto?.stop());
    afterEach(() => rm(folder, { recursive: true }));
    beforeEach(async () => {
      folder = await temporaryFolder("s3-copy");
      target = join(folder, "models");
      await mkdir(target);
    });

    const copy = (models: readonly GroupModel[]): Promise<Outcome> => {
      const container = modelCopyContainer(
        { bucket, prefix: "triton", region },
        { engineType: "triton", models } as unknown as ReplicaGroupPlan,
        { name: "models", mountPath: target },
      );
      return runWithAws(moto, folder, ["/usr/bin/env", ...(container.command as string[])]);
    };

    test("are the versions of the spec, with all their files, and are served", async () => {
      expect(await copy([half])).toEqual({ code: 0, output: "" });
      // What lies beside the versions comes too; version 2 does not.
      expect((await readdir(join(target, "half"))).toSorted()).toEqual(["1", "3", "labels.txt"]);
      expect(await readFile(join(target, "half", "3", "data", "weights.bin"), "utf8")).toBe("3");
      const { repository } = await layOut(folder, target, [half], 8);
      const triton = await startTritonServer({
        folder: await temporaryFolder("triton"),
        args: serverArguments([half], "preload", repository),
      });
      const input = { name: "x", datatype: "FP32", shape: [1, 1], data: [4] };
      const answer = await ask(triton, "POST", "/v2/models/half/versions/3/infer", { inputs: [input] });
      await triton.stop();
      expect(answer.json.outputs[0].data).toEqual([6]);
    });

    test("are copied again without harm, as after a restart of the pod", async () => {
      await copy([half]);
      expect(await copy([half])).toEqual({ code: 0, output: "" });
    });

    test("are missed before the server starts", async () => {
      expect(await copy([half, plannedModel("gone", ["1"], {})])).toEqual({
        code: 1,
        output: `there is nothing at s3://${bucket}/triton/gone/1/\n`,
      });
    });
  },
);
