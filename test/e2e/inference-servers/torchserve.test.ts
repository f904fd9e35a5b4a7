import { afterAll, beforeAll, expect, test } from "vitest";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask } from "./server-under-test.ts";
import { javaNeed, startTorchServe, type RunningTorchServe } from "./torchserve.ts";

// The frontend only: its workers import PyTorch, which is not part of the environment, so nothing is predicted here.
suite("TorchServe's frontend", [serverNeed("torchserve"), javaNeed()], () => {
  let torchServe: RunningTorchServe;
  beforeAll(async () => {
    torchServe = await startTorchServe("echo");
  });
  afterAll(() => torchServe?.stop());

  const management = (method: string, path: string) => ask({ url: torchServe.managementUrl }, method, path);

  test("starts without models and says that it is healthy", async () => {
    expect(await ask(torchServe, "GET", "/ping")).toMatchObject({ status: 200, json: { status: "Healthy" } });
    expect((await management("GET", "/models")).json).toEqual({ models: [] });
  });

  test("registers a model of its store once, and describes it", async () => {
    const register = "/models?url=echo.mar&initial_workers=0&synchronous=true";
    expect((await management("POST", register)).status).toBe(200);
    expect(await management("POST", register)).toMatchObject({
      status: 409,
      json: { type: "ConflictStatusException" },
    });
    expect((await management("GET", "/models")).json.models).toMatchObject([{ modelName: "echo" }]);
    expect((await management("GET", "/models/echo")).json).toMatchObject([
      { modelName: "echo", modelVersion: "1.0", minWorkers: 0, workers: [] },
    ]);
  });

  test("refuses predictions: 503 without a worker, 404 of an unknown model", async () => {
    const path = "/predictions";
    expect(await ask(torchServe, "POST", `${path}/echo`, {})).toMatchObject({
      status: 503,
      json: { type: "ServiceUnavailableException" },
    });
    expect(await ask(torchServe, "POST", `${path}/unknown`, {})).toMatchObject({
      status: 404,
      json: { type: "ModelNotFoundException" },
    });
  });

  test("cannot start a worker without PyTorch, and calls itself healthy all the same", async () => {
    const scaled = await management("PUT", "/models/echo?min_worker=1&synchronous=true");
    expect(scaled.status).toBe(500);
    expect((await management("GET", "/models/echo")).json).toMatchObject([{ minWorkers: 1 }]);
    expect(await ask(torchServe, "GET", "/ping")).toMatchObject({ status: 200, json: { status: "Healthy" } });
  });

  test("exposes Prometheus metrics at a port of their own", async () => {
    const text = await (await fetch(torchServe.metricsUrl)).text();
    for (const name of ["ts_inference_requests_total", "ts_inference_latency_microseconds", "QueueTime"]) {
      expect(text).toContain(`# TYPE ${name} `);
    }
  });

  test("forgets a model that is unregistered", async () => {
    expect((await management("DELETE", "/models/echo")).status).toBe(200);
    expect((await management("GET", "/models/echo")).status).toBe(404);
  });
});
