import { afterAll, beforeAll, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { startReferenceProxied, type RunningProxied } from "./proxied.ts";
import { ask } from "./server-under-test.ts";
import { inputIds, tabularModels } from "./tabular-models.ts";
import { startTriton, type RunningTriton } from "./triton.ts";

const preloaded = "triton-domino-pre-load-inference";
const onDemand = "triton-domino-ondemand-load-inference";

suite("the reference design's pair of Tritons", [serverNeed("triton")], () => {
  let tritons: RunningTriton[];
  let proxy: RunningProxied;
  beforeAll(async () => {
    tritons = await Promise.all(
      (["preload", "on-demand"] as const).map((loading) => startTriton({ models: tabularModels, loading })),
    );
    const [first, second] = tritons.map(({ url }) => url);
    proxy = await startReferenceProxied([
      {
        service: preloaded,
        inference_server_type: "PreloadedTritonInferenceServerProxy",
        endpoint: first ?? "",
      },
      {
        service: onDemand,
        inference_server_type: "OnDemandTritonInferenceServerProxy",
        endpoint: second ?? "",
      },
    ]);
  });
  afterAll(async () => {
    await proxy?.stop();
    await Promise.all((tritons ?? []).map((triton) => triton.stop()));
  });

  const predict = (changes: object) =>
    ask(proxy, "POST", "/predict", { model_name: "bert-base", payload: { inputs: [inputIds] }, ...changes });

  test.each([preloaded, onDemand])("answers by %s, in the recorded form", async (inference_server_name) => {
    expect(await predict({ inference_server_name, model_version: "3" })).toMatchObject({
      status: 200,
      json: {
        status_code: 200,
        result: {
          model_name: "bert-base",
          model_version: "3",
          outputs: [
            {
              name: "logits",
              datatype: "FP32",
              shape: [2, 2],
              data: expectedLogits("bert-base", "3", [inputIds]),
            },
          ],
        },
      },
    });
  });

  test("has loaded what was asked for, on the one that began empty, and nothing else", async () => {
    const index = await ask({ url: tritons[1]?.url ?? "" }, "POST", "/v2/repository/index", { ready: true });
    const names = (index.json as { name: string }[]).map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set(["bert-base"]));
  });

  test("takes the newest version where none is named, and where it is called latest", async () => {
    for (const named of [{}, { model_version: "latest" }]) {
      const answer = await predict({ inference_server_name: preloaded, ...named });
      expect(answer).toMatchObject({ status: 200, json: { result: { model_version: "10" } } });
    }
  });

  test("says 404 of a model and of a version that a preloaded one does not have", async () => {
    for (const unknown of [{ model_name: "unknown" }, { model_version: "4" }]) {
      expect(await predict({ inference_server_name: preloaded, ...unknown })).toMatchObject({
        status: 404,
        json: { status_code: 404, result: { error: expect.stringMatching(/unknown model/) as string } },
      });
    }
  });

  test("says that it could not load a model that there is not", async () => {
    expect(await predict({ inference_server_name: onDemand, model_name: "unknown" })).toMatchObject({
      status: 502,
      json: { error: { code: "MODEL_LOAD_FAILED" } },
    });
  });
});
