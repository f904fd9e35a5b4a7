import { afterAll, beforeAll, expect, test } from "vitest";
import { suite } from "../requires.ts";
import { startMlflow, type RunningMlflow } from "./mlflow.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask, type Answer } from "./server-under-test.ts";

suite("MLflow's model registry", [serverNeed("mlflow")], () => {
  let mlflow: RunningMlflow;
  beforeAll(async () => {
    mlflow = await startMlflow();
  }, 200_000);
  afterAll(() => mlflow?.stop());

  const post = (path: string, body: object): Promise<Answer> =>
    ask(mlflow, "POST", `/api/2.0/mlflow/${path}`, body);
  const get = (path: string, query: Record<string, string>): Promise<Answer> =>
    ask(mlflow, "GET", `/api/2.0/mlflow/${path}?${new URLSearchParams(query).toString()}`);

  test("gives the place of a version's files by number and by alias", async () => {
    const run = await post("runs/create", { experiment_id: "0", start_time: 1 });
    const { run_id, artifact_uri } = run.json.run.info;
    expect(artifact_uri).toMatch(/^mlflow-artifacts:/);
    expect((await post("registered-models/create", { name: "BERT-BASED" })).status).toBe(200);
    const source = `${artifact_uri}/model`;
    const created = await post("model-versions/create", { name: "BERT-BASED", source, run_id });
    expect(created).toMatchObject({
      status: 200,
      json: { model_version: { name: "BERT-BASED", version: "1", run_id, status: "READY" } },
    });
    expect(await get("model-versions/get-download-uri", { name: "BERT-BASED", version: "1" })).toMatchObject({
      status: 200,
      json: { artifact_uri: source },
    });
    const alias = { name: "BERT-BASED", alias: "production" };
    expect((await post("registered-models/alias", { ...alias, version: "1" })).status).toBe(200);
    expect((await get("registered-models/alias", alias)).json.model_version).toMatchObject({ version: "1" });
  });

  test("tells a missing model, with 404, from a missing alias, with 400", async () => {
    expect(await get("registered-models/get", { name: "unknown" })).toMatchObject({
      status: 404,
      json: { error_code: "RESOURCE_DOES_NOT_EXIST" },
    });
    expect(await get("registered-models/alias", { name: "BERT-BASED", alias: "unknown" })).toMatchObject({
      status: 400,
      json: { error_code: "INVALID_PARAMETER_VALUE" },
    });
  });
});
