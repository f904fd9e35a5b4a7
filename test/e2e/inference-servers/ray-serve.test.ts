import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { routesTo, startProtected, startProxied, type RunningProxied } from "./proxied.ts";
import { startRayServe, type RunningRayServe } from "./ray-serve.ts";
import { ask, askWith } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const expected = expectedLogits("bert-base", "3", [inputIds]);
const logits = [expected.slice(0, 2), expected.slice(2)];
const body = {
  input_ids: [
    [1, 2, 3],
    [4, 5, 6],
  ],
};

suite("Ray Serve", [serverNeed("ray-serve")], () => {
  let ray: RunningRayServe;
  beforeAll(async () => {
    ray = await startRayServe();
  });
  afterAll(() => ray?.stop());

  test("answers under the prefix of its application, exactly what the model says", async () => {
    expect(await ask(ray, "POST", "/bert-base", body)).toMatchObject({ status: 200, json: { logits } });
  });

  test("tells its health and its routes at the paths that probes use", async () => {
    expect(await ask(ray, "GET", "/-/healthz")).toMatchObject({ status: 200, text: "success" });
    expect(await ask(ray, "GET", "/-/routes")).toMatchObject({
      status: 200,
      json: { "/bert-base": "emulated" },
    });
  });

  test("answers 404 outside of every prefix and 500 where the application fails", async () => {
    expect((await ask(ray, "POST", "/unknown", body)).status).toBe(404);
    expect((await ask(ray, "POST", "/bert-base", {})).status).toBe(500);
  });

  test("declares its applications at the cluster's API", async () => {
    const answer = await ask({ url: ray.dashboardUrl }, "GET", "/api/serve/applications/");
    expect(answer.json.applications.emulated).toMatchObject({
      status: "RUNNING",
      route_prefix: "/bert-base",
      deployments: { EmulatedModel: { status: "HEALTHY" } },
    });
  });

  // An application of Ray Serve answers every path below its prefix, and reads the body as it likes: it has its prefix
  // in the endpoint, and passes for an engine of the protocol whose paths it is asked by.
  describe("behind the proxy", () => {
    const token = "a-token-of-a-batch-job-0123456789";
    let proxy: RunningProxied;
    let closed: RunningProxied;
    beforeAll(async () => {
      const server = routesTo({
        name: "ray",
        type: "ray-serve",
        protocol: "kserve-v1",
        models: { "bert-base": ["3"] },
        endpoints: [`${ray.url}/bert-base`],
      });
      proxy = await startProxied(server);
      closed = await startProtected(token, server);
    });
    afterAll(async () => {
      await closed?.stop();
      await proxy?.stop();
    });

    const path = "/v1/models/bert-base:predict";
    const envelope = { inference_server_type: "ray-serve", model_name: "bert-base", payload: body };

    test("answers /predict and KServe's path, exactly what the model says", async () => {
      expect(await ask(proxy, "POST", "/predict", envelope)).toMatchObject({
        status: 200,
        json: { status_code: 200, result: { logits } },
      });
      expect(await ask(proxy, "POST", path, body)).toMatchObject({ status: 200, json: { logits } });
    });

    test("hands on its failure, which is a text, and the proxy's own of another model", async () => {
      expect(await ask(proxy, "POST", "/predict", { ...envelope, payload: {} })).toMatchObject({
        status: 500,
        json: { status_code: 500, result: null },
      });
      expect(await ask(proxy, "POST", "/predict", { ...envelope, model_name: "unknown" })).toMatchObject({
        status: 404,
        json: { error: { code: "MODEL_UNKNOWN" } },
      });
      expect((await ask(proxy, "POST", "/v1/models/unknown:predict", body)).status).toBe(404);
    });

    test("lets in who has the token alone", async () => {
      const statusWith = async (authorization: string): Promise<number> =>
        (await askWith({ authorization }, closed, "POST", path, body)).status;
      expect(await statusWith(`Bearer ${token}`)).toBe(200);
      expect(await statusWith("Bearer a-token-that-nobody-has-0123456789")).toBe(401);
    });
  });
});
