import { expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { ask, askUntilAnswered, eventually, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const model = "/v2/models/resnet-50";

/**
 * Triton's model repository extension, for a server that started with nothing loaded and whose models take a second or
 * more to load. The tests build on each other, as the states do.
 */
export function modelRepositoryContract(server: () => ServerUnderTest): void {
  // Triton does not answer on connections that share a thread with a load or an unload.
  const quick = (method: string, path: string, body?: unknown) =>
    askUntilAnswered(server(), method, path, body);
  const status = async (method: string, path: string, body?: unknown) =>
    (await quick(method, path, body)).status;
  const change = async (verb: string, name = "resnet-50") =>
    (await ask(server(), "POST", `/v2/repository/models/${name}/${verb}`, {})).status;
  const index = async (filter: object = {}) =>
    (await quick("POST", "/v2/repository/index", filter)).json as readonly Record<string, string>[];
  const entry = async () => (await index()).find(({ name }) => name === "resnet-50");
  const infer = (version: string) => quick("POST", `${model}${version}/infer`, { inputs: [inputIds] });

  test("is ready with nothing loaded, and lists models without version and state", async () => {
    expect(await status("GET", "/v2/health/ready")).toBe(200);
    expect((await index()).toSorted(byName)).toEqual([{ name: "bert-base" }, { name: "resnet-50" }]);
    expect(await index({ ready: true })).toEqual([]);
    const unknown = { status: 404, json: { error: "Request for unknown model: 'resnet-50' is not found" } };
    for (const version of ["", "/versions/1"]) expect(await infer(version)).toMatchObject(unknown);
    expect(await quick("GET", `${model}/ready`)).toMatchObject({
      status: 400,
      json: { error: "Model version not ready" },
    });
  });

  test("is not ready while a model loads, and answers the load when the model is ready", async () => {
    const load = change("load");
    expect(await eventually(entry, (found) => found?.["state"] === "LOADING")).toEqual({
      name: "resnet-50",
      version: "1",
      state: "LOADING",
    });
    expect(await status("GET", "/v2/health/ready")).toBe(400);
    expect(await status("GET", `${model}/ready`)).toBe(400);
    expect(await infer("")).toMatchObject(noVersions);
    expect(await infer("/versions/1")).toMatchObject(notReady);
    expect(await load).toBe(200);
    expect(await entry()).toEqual({ name: "resnet-50", version: "1", state: "READY" });
    expect(await status("GET", "/v2/health/ready")).toBe(200);
    expect((await infer("/versions/1")).json.outputs[0].data).toEqual(
      expectedLogits("resnet-50", "1", [inputIds]),
    );
    expect(await index({ ready: true })).toEqual([{ name: "resnet-50", version: "1", state: "READY" }]);
  });

  test("takes the load of a model that is loaded already", async () => {
    expect(await change("load")).toBe(200);
  });

  test("answers an unload at once and passes UNLOADING, in which it is not ready", async () => {
    expect(await change("unload")).toBe(200);
    expect(await entry()).toEqual({ name: "resnet-50", version: "1", state: "UNLOADING" });
    expect(await status("GET", "/v2/health/ready")).toBe(400);
    expect(await eventually(entry, (found) => found?.["state"] !== "UNLOADING")).toEqual({
      name: "resnet-50",
      version: "1",
      state: "UNAVAILABLE",
      reason: "unloaded",
    });
    expect(await status("GET", "/v2/health/ready")).toBe(200);
  });

  test("answers 404 without and 503 with a version to a model that was unloaded", async () => {
    expect(await infer("")).toMatchObject(noVersions);
    expect(await infer("/versions/1")).toMatchObject(notReady);
    expect(await status("GET", `${model}/versions/1`)).toBe(503);
    expect(await status("GET", `${model}/versions/1/ready`)).toBe(400);
  });

  test("loads an unloaded model again", async () => {
    expect(await change("load")).toBe(200);
    expect((await infer("/versions/1")).status).toBe(200);
  });

  test("answers 500 to the load of an unknown model, and 200 to its unload", async () => {
    expect(await ask(server(), "POST", "/v2/repository/models/unknown/load", {})).toMatchObject({
      status: 500,
      json: { error: "failed to load 'unknown', failed to poll from model repository" },
    });
    expect(await change("unload", "unknown")).toBe(200);
  });

  test("answers 500 to an index request that is not JSON, 405 to a GET", async () => {
    expect((await ask(server(), "POST", "/v2/repository/index", "{")).status).toBe(500);
    expect(await status("GET", "/v2/repository/index")).toBe(405);
  });
}

const noVersions = {
  status: 404,
  json: { error: "Request for unknown model: 'resnet-50' has no available versions" },
};
const notReady = {
  status: 503,
  json: { error: "Request for unknown model: 'resnet-50' version 1 is not at ready state" },
};

function byName(left: Record<string, string>, right: Record<string, string>): number {
  return (left["name"] ?? "").localeCompare(right["name"] ?? "");
}

/** The proxy in front of such a server, `engine`, whose `bert-base` nobody loads but the proxy. */
export function onDemandProxyContract(proxy: () => ServerUnderTest, engine: () => ServerUnderTest): void {
  const path = "/v2/models/bert-base/versions/3/infer";
  const infer = () => ask(proxy(), "POST", path, { inputs: [inputIds] });
  const state = async () => {
    const index = (await ask(proxy(), "POST", "/v2/repository/index", {})).json as Record<string, string>[];
    return index.find(({ name, version }) => name === "bert-base" && version === "3")?.["state"];
  };

  test("the proxy loads a model for its first requests, all of which wait for the one load", async () => {
    expect(await state()).toBe("UNAVAILABLE");
    const answers = await Promise.all([infer(), infer(), infer()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await state()).toBe("READY");
  });

  test("the proxy loads a model again that somebody unloaded", async () => {
    expect((await ask(engine(), "POST", "/v2/repository/models/bert-base/unload", {})).status).toBe(200);
    // The request that finds it out gets the engine's answer.
    const statuses = new Set<number>();
    await eventually(infer, ({ status }) => {
      statuses.add(status);
      return status === 200;
    });
    expect([...statuses].toSorted()).toEqual([200, 503]);
    expect(await state()).toBe("READY");
  });

  test("the proxy answers 502 where the engine cannot load the model", async () => {
    const answer = await ask(proxy(), "POST", "/v2/models/gone/infer", { inputs: [inputIds] });
    expect(answer).toMatchObject({ status: 502, json: { error: expect.stringMatching(/\S/) as string } });
  });
}
