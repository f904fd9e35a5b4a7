import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { suite } from "../requires.ts";
import { startKServe, type RunningKServe } from "./kserve.ts";
import { openInferenceContract } from "./open-inference-contract.ts";
import { serverNeed } from "./prepared-environment.ts";
import { kserveProxyContract } from "./kserve-proxy-contract.ts";
import { routesTo, routesToAny, startProtected, startProxied, type RunningProxied } from "./proxied.ts";
import { ask, askWith } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const instances = [{ input_ids: [1, 2, 3] }, { input_ids: [4, 5, 6] }];

suite("a KServe model server", [serverNeed("kserve")], () => {
  let kserve: RunningKServe;
  beforeAll(async () => {
    kserve = await startKServe({ model: "bert-base", version: "3" });
  });
  afterAll(() => kserve?.stop());

  describe("over Open Inference v2", () => {
    openInferenceContract(() => kserve, {
      versions: false,
      describesTensors: false,
      unknownReadyStatus: 404,
      refusals: {
        notJson: 422,
        noInputs: 422,
        emptyInputs: 500,
        unknownDatatype: 400,
        wrongElementCount: 500,
      },
    });

    test("has no model versions: every path that names one is 501", async () => {
      const path = "/v2/models/bert-base/versions/3";
      const unsupported = { status: 501, json: { error: "Model versioning not supported yet." } };
      expect(await ask(kserve, "GET", path)).toMatchObject(unsupported);
      expect(await ask(kserve, "POST", `${path}/infer`, { inputs: [inputIds] })).toMatchObject(unsupported);
    });

    test("has no repository index", async () => {
      expect((await ask(kserve, "POST", "/v2/repository/index", {})).status).toBe(404);
    });
  });

  describe("over v1", () => {
    test("lists its models and tells which are ready", async () => {
      expect(await ask(kserve, "GET", "/v1/models")).toMatchObject({
        status: 200,
        json: { models: ["bert-base"] },
      });
      expect(await ask(kserve, "GET", "/v1/models/bert-base")).toMatchObject({
        status: 200,
        json: { name: "bert-base", ready: true },
      });
      expect((await ask(kserve, "GET", "/v1/models/unknown")).status).toBe(404);
    });

    test("predicts exactly what the model says", async () => {
      const [first, second, third, fourth] = expectedLogits("bert-base", "3", [inputIds]);
      expect(await ask(kserve, "POST", "/v1/models/bert-base:predict", { instances })).toMatchObject({
        status: 200,
        json: {
          predictions: [
            [first, second],
            [third, fourth],
          ],
        },
      });
    });

    test("refuses an unknown model with 404 and text that is not JSON with 400", async () => {
      expect(await ask(kserve, "POST", "/v1/models/unknown:predict", { instances })).toMatchObject({
        status: 404,
        json: { error: "Model with name unknown does not exist." },
      });
      expect((await ask(kserve, "POST", "/v1/models/bert-base:predict", "{")).status).toBe(400);
    });
  });

  describe("behind the proxy", () => {
    let proxy: RunningProxied;
    beforeAll(async () => {
      const endpoints = [kserve.url];
      const models = { "bert-base": ["3"] };
      proxy = await startProxied(
        routesTo({ name: "first", type: "kserve-v1", protocol: "kserve-v1", models, endpoints }),
        routesToAny({ name: "second", type: "kserve-v2", protocol: "open-inference-v2", endpoints }),
        routesTo({ name: "versioned", type: "other", protocol: "open-inference-v2", models, endpoints }),
      );
    });
    afterAll(() => proxy?.stop());

    kserveProxyContract(() => proxy);

    test("lets in who has the token alone", async () => {
      const closed = await startProtected(
        "a-token-of-a-batch-job-0123456789",
        routesToAny({
          name: "second",
          type: "kserve-v2",
          protocol: "open-inference-v2",
          endpoints: [kserve.url],
        }),
      );
      onTestFinished(() => closed.stop());
      const statusWith = async (token: string): Promise<number> => {
        const headers = { authorization: `Bearer ${token}`, "x-inference-server": "second" };
        const path = "/v2/models/bert-base/infer";
        return (await askWith(headers, closed, "POST", path, { inputs: [inputIds] })).status;
      };
      expect(await statusWith("a-token-of-a-batch-job-0123456789")).toBe(200);
      expect(await statusWith("a-token-that-nobody-has-0123456789")).toBe(401);
    });
  });

  // Last, since there is no way back but a new process.
  test("forgets a model that is unloaded, stays ready, and cannot load it again", async () => {
    const repository = "/v2/repository/models/bert-base";
    expect((await ask(kserve, "POST", `${repository}/unload`, {})).status).toBe(200);
    expect((await ask(kserve, "GET", "/v2/models/bert-base/ready")).status).toBe(404);
    expect((await ask(kserve, "GET", "/v2/health/ready")).status).toBe(200);
    expect((await ask(kserve, "POST", `${repository}/load`, {})).status).toBe(503);
  });
});
