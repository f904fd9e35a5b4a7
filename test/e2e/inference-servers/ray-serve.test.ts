import { afterAll, beforeAll, expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { startRayServe, type RunningRayServe } from "./ray-serve.ts";
import { ask } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const body = {
  input_ids: [
    [1, 2, 3],
    [4, 5, 6],
  ],
};

// An application of Ray Serve has a protocol of its own, which the proxy does not speak: it is checked directly.
suite("Ray Serve", [serverNeed("ray-serve")], () => {
  let ray: RunningRayServe;
  beforeAll(async () => {
    ray = await startRayServe();
  });
  afterAll(() => ray?.stop());

  test("answers under the prefix of its application, exactly what the model says", async () => {
    const [first, second, third, fourth] = expectedLogits("bert-base", "3", [inputIds]);
    expect(await ask(ray, "POST", "/bert-base", body)).toMatchObject({
      status: 200,
      json: {
        logits: [
          [first, second],
          [third, fourth],
        ],
      },
    });
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
});
