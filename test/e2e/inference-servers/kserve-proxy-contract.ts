import { describe, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { ask, askWith, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const instances = [{ input_ids: [1, 2, 3] }, { input_ids: [4, 5, 6] }];
const logits = expectedLogits("bert-base", "3", [inputIds]);
const toSecond = { "x-inference-server": "second" };
const predictions = [logits.slice(0, 2), logits.slice(2)];

/**
 * A KServe model server with `bert-base` behind the proxy: as `first` over v1, as `second` over v2 by a route without
 * models, and as `versioned` over v2 by a route that names a version.
 */
export function kserveProxyContract(proxy: () => ServerUnderTest): void {
  const predict = (changes: object) =>
    ask(proxy(), "POST", "/predict", { model_name: "bert-base", ...changes });

  describe("over v1", () => {
    test("predicts by its own path, exactly what the model says", async () => {
      expect(await ask(proxy(), "POST", "/v1/models/bert-base:predict", { instances })).toMatchObject({
        status: 200,
        json: { predictions },
      });
    });

    test("predicts by /predict, found by its name or its type", async () => {
      for (const server of [{ inference_server_name: "first" }, { inference_server_type: "kserve-v1" }]) {
        expect(await predict({ ...server, payload: { instances } })).toMatchObject({
          status: 200,
          json: { status_code: 200, result: { predictions } },
        });
      }
    });

    test("hands on the engine's refusals, by both paths", async () => {
      const payload = { instances: [{ other: [1] }] };
      const native = await ask(proxy(), "POST", "/v1/models/bert-base:predict", payload);
      expect(native).toMatchObject({ status: 500, json: { error: expect.stringMatching(/\S/) as string } });
      expect(await predict({ inference_server_name: "first", payload })).toMatchObject({
        status: 500,
        json: { status_code: 500, result: native.json },
      });
      expect((await ask(proxy(), "POST", "/v1/models/bert-base:predict", "{")).status).toBe(400);
    });

    test("refuses an unknown model with 404 and a text, as KServe does", async () => {
      expect(await ask(proxy(), "POST", "/v1/models/unknown:predict", { instances })).toMatchObject({
        status: 404,
        json: { error: expect.stringMatching(/\S/) as string },
      });
      const answer = await predict({ inference_server_name: "first", model_name: "x", payload: {} });
      expect(answer).toMatchObject({ status: 404, json: { error: { code: "MODEL_UNKNOWN" } } });
    });

    test("takes a version of the routing table in /predict, and no other", async () => {
      const asked = { inference_server_name: "first", payload: { instances } };
      expect((await predict({ ...asked, model_version: "3" })).status).toBe(200);
      expect(await predict({ ...asked, model_version: "4" })).toMatchObject({
        status: 404,
        json: { error: { code: "VERSION_UNKNOWN" } },
      });
    });
  });

  describe("over Open Inference v2, where it alone knows its models", () => {
    const inferred = { model_name: "bert-base", outputs: [{ name: "logits", data: logits }] };

    test("infers by its own path", async () => {
      const path = "/v2/models/bert-base/infer";
      expect(await askWith(toSecond, proxy(), "POST", path, { inputs: [inputIds] })).toMatchObject({
        status: 200,
        json: inferred,
      });
    });

    test("infers by /predict, found by its name or its type", async () => {
      for (const server of [{ inference_server_name: "second" }, { inference_server_type: "kserve-v2" }]) {
        expect(await predict({ ...server, payload: { inputs: [inputIds] } })).toMatchObject({
          status: 200,
          json: { status_code: 200, result: inferred },
        });
      }
    });

    test("describes its model and says whether it is ready", async () => {
      expect(await askWith(toSecond, proxy(), "GET", "/v2/models/bert-base")).toMatchObject({
        status: 200,
        json: { name: "bert-base" },
      });
      expect((await askWith(toSecond, proxy(), "GET", "/v2/models/bert-base/ready")).status).toBe(200);
      expect((await askWith(toSecond, proxy(), "GET", "/v2/models/unknown/ready")).status).toBe(404);
    });

    test("refuses an unknown model by itself", async () => {
      const asked = { inference_server_name: "second", model_name: "unknown" };
      expect(await predict({ ...asked, payload: { inputs: [inputIds] } })).toMatchObject({
        status: 404,
        json: { status_code: 404, result: { error: "Model with name unknown does not exist." } },
      });
    });

    test("refuses every version, and so what a routing table with versions sends", async () => {
      const unsupported = { error: "Model versioning not supported yet." };
      const payload = { inputs: [inputIds] };
      expect(await predict({ inference_server_name: "second", model_version: "3", payload })).toMatchObject({
        status: 501,
        json: { result: unsupported },
      });
      expect(await predict({ inference_server_name: "versioned", payload })).toMatchObject({
        status: 501,
        json: { result: unsupported },
      });
    });
  });
}
