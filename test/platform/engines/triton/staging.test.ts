import { expect, test } from "vitest";
import {
  stagedVersions,
  stagingCommand,
  stagingScript,
} from "../../../../platform/engines/triton/staging.ts";
import { layoutScript } from "../../../../platform/engines/triton/repository-layout.ts";
import { tritonModel } from "./triton-model.ts";

const artifacts = {
  "3": "s3://blobs/mlflow/7f/artifacts/model/",
  "4": "s3://blobs/mlflow/8a/artifacts/model",
};

test("versions in use that have a source are staged, each once, in the order of their names", () => {
  const groups = [
    { models: [tritonModel("resnet", {}, "1"), tritonModel("bert", { artifacts }, "4", "3", "2")] },
    { models: [tritonModel("ada", { artifacts }, "3"), tritonModel("bert", { artifacts }, "3")] },
  ];
  const first = { version: "3", bucket: "blobs", prefix: "mlflow/7f/artifacts/model" };
  expect(stagedVersions(groups)).toEqual([
    { model: "ada", ...first },
    { model: "bert", ...first },
    { model: "bert", version: "4", bucket: "blobs", prefix: "mlflow/8a/artifacts/model" },
  ]);
  expect(stagedVersions([{ models: [tritonModel("resnet")] }])).toEqual([]);
});

test("names go to the script as words, never into its text", () => {
  const versions = [{ model: "bert", version: "3", bucket: "blobs", prefix: "mlflow/7f" }];
  const [shell, flags, script, ...words] = stagingCommand(versions, {
    root: "/models",
    owner: "acme.tabular",
  });
  expect([shell, flags]).toEqual(["/bin/sh", "-euc"]);
  expect(script).not.toContain("bert");
  expect(words).toEqual(["stage-models", "/models", "acme.tabular", "bert/3", "blobs", "mlflow/7f"]);
});

test("scripts have nothing that Kubernetes would replace in a command: references and doubled dollars", () => {
  for (const script of [stagingScript, layoutScript]) {
    expect(script).not.toMatch(/\$\$|\$\([A-Za-z_][\w.-]*\)/);
  }
});
