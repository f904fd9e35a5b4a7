import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tritonProfile } from "../../../platform/engines/triton/profile.ts";
import type { GroupModel } from "../../../platform/plan/platform-plan.ts";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask, askUntilAnswered, eventually, type Answer } from "./server-under-test.ts";
import { layOut, plannedModel, serverArguments, storeVersion } from "./triton-laid-out.ts";
import { startTritonServer, type RunningTriton } from "./triton.ts";

const tensors = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1], labels: "labels.txt" }],
};

/** `half` and `triple` in two versions each, and a pipeline of both. */
function models(log: string): readonly GroupModel[] {
  return [
    plannedModel("half", ["1", "3"], {
      ...tensors,
      dynamicBatching: {
        preferredSizes: [4, 2],
        queueDelay: "0.5ms",
        priorities: { levels: 2, default: 2 },
        queuePolicy: { timeout: "2s", onTimeout: "delay", maxQueueSize: 100 },
      },
      instances: [{ count: 2, kind: "cpu" }],
      warmup: [
        { name: "full batch", batchSize: 4, inputs: { x: { datatype: "FP32", shape: [7], data: "random" } } },
      ],
      rateLimiter: { resources: [{ name: "R1", count: 2, global: true }], priority: 3 },
      parameters: { FACTOR: "0.5", EXECUTION_LOG: log, NOTE: `a "quoted" \\ line\nand ünïcode 漢` },
      extraConfig: "# kept as it is\nmodel_operations { op_library_filename: [] }",
    }),
    // No more than its parameter: Triton finds out the rest by the name of the file.
    plannedModel("triple", ["1", "10"], { backend: "python", ...tensors, parameters: { FACTOR: "3" } }),
    plannedModel("half-then-triple", ["2"], {
      inputs: [{ name: "raw", datatype: "FP32", shape: [-1] }],
      outputs: [{ name: "score", datatype: "FP32", shape: [-1] }],
      ensemble: {
        steps: [
          { model: "half", version: 1, inputs: { x: "raw" }, outputs: { y: "halved" } },
          { model: "triple", inputs: { x: "halved" }, outputs: { y: "score" } },
        ],
      },
    }),
  ];
}

suite("Triton on a repository that the init container laid out", [serverNeed("triton")], () => {
  let folder: string;
  let log: string;
  let storage: string;
  let repository: string;
  let triton: RunningTriton;
  const get = (path: string): Promise<Answer> => ask(triton, "GET", path);
  const infer = (path: string, name: string, data: readonly number[]) =>
    ask(triton, "POST", `/v2/models/${path}/infer`, {
      inputs: [{ name, datatype: "FP32", shape: [1, data.length], data }],
    });

  beforeAll(async () => {
    folder = await temporaryFolder("triton");
    log = join(folder, "executions.log");
    storage = join(folder, "storage");
    for (const version of ["1", "2", "3"]) await storeVersion(storage, "half", version);
    for (const version of ["1", "10"]) await storeVersion(storage, "triple", version);
    for (const model of ["half", "triple"]) {
      await writeFile(join(storage, model, "labels.txt"), "good\nbad\n");
      await writeFile(join(storage, model, "config.pbtxt"), "nonsense");
    }
    const all = models(log);
    ({ repository } = await layOut(folder, storage, all, 8));
    triton = await startTritonServer({
      folder,
      args: serverArguments(all, "preload", repository),
    });
  });
  afterAll(() => triton?.stop());

  test("serves every version of the spec, although Triton would serve the latest alone", async () => {
    for (const path of ["half/versions/1", "half/versions/3", "triple/versions/1", "triple/versions/10"]) {
      expect([path, (await get(`/v2/models/${path}/ready`)).status]).toEqual([path, 200]);
    }
    expect((await infer("half/versions/1", "x", [2, 4])).json.outputs[0].data).toEqual([1, 2]);
    expect((await infer("half/versions/3", "x", [2, 4])).json.outputs[0].data).toEqual([3, 6]);
  });

  test("does not serve a version that lies on the storage and is not in the spec", async () => {
    expect((await get("/v2/models/half/versions/2/ready")).status).toBe(400);
    expect((await infer("half/versions/2", "x", [2])).status).toBe(404);
  });

  test("answers a pipeline of two models, each in its version", async () => {
    // Half of 8 by version 1 is 4; triple by version 10, its highest in use, is 30 times as much.
    expect((await infer("half-then-triple", "raw", [8])).json.outputs[0].data).toEqual([120]);
  });

  test("has the configuration of the spec, not the one that lies beside the files", async () => {
    const { json } = await get("/v2/models/half/config");
    expect(json).toMatchObject({
      name: "half",
      backend: "python",
      max_batch_size: 8,
      version_policy: { specific: { versions: [1, 3] } },
      input: [{ name: "x", data_type: "TYPE_FP32", dims: [-1] }],
      output: [{ name: "y", data_type: "TYPE_FP32", dims: [-1], label_filename: "labels.txt" }],
      dynamic_batching: {
        preferred_batch_size: [2, 4],
        max_queue_delay_microseconds: 500,
        default_priority_level: 2,
        default_queue_policy: {
          timeout_action: "DELAY",
          default_timeout_microseconds: 2_000_000,
          max_queue_size: 100,
        },
      },
      instance_group: [
        {
          count: 2,
          kind: "KIND_CPU",
          rate_limiter: { resources: [{ name: "R1", global: true, count: 2 }], priority: 3 },
        },
      ],
    });
    expect(Number(json.dynamic_batching.priority_levels)).toBe(2);
    expect(json.parameters.NOTE.string_value).toBe(`a "quoted" \\ line\nand ünïcode 漢`);
  });

  test("batches dynamically where the spec says nothing of it, as the plan counts on it", async () => {
    expect((await get("/v2/models/triple/config")).json).toMatchObject({
      max_batch_size: 8,
      dynamic_batching: {},
    });
  });

  test("runs the warm-up on every instance of every version before it is ready", async () => {
    const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line === "4 rows of 7");
    expect(lines).toHaveLength(4);
  });

  test("sees a version that is put in the place of another by a rename when the model is loaded again", async () => {
    await storeVersion(storage, "half", "4");
    await writeFile(join(storage, "half", "4", "model.py"), "this is no Python");
    await rename(join(storage, "half", "3"), join(storage, "half", "old"));
    await rename(join(storage, "half", "4"), join(storage, "half", "3"));
    const load = await ask(triton, "POST", "/v2/repository/models/half/load", {});
    expect(load).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("invalid syntax") as string },
    });
  });
});

suite("Triton on a repository that lacks a model", [serverNeed("triton")], () => {
  test("ends, so that the pod does not pretend to serve it", async () => {
    const folder = await temporaryFolder("triton");
    const all = [plannedModel("half", ["1"], { ...tensors, parameters: { FACTOR: "0.5" } })];
    await storeVersion(join(folder, "storage"), "half", "1");
    const { repository } = await layOut(folder, join(folder, "storage"), all, 8);
    await expect(
      startTritonServer({
        folder,
        args: [...serverArguments(all, "preload", repository), "--load-model=gone"],
      }),
    ).rejects.toThrow("triton ended while it started");
  });
});

suite("Triton that loads on demand from a repository that was laid out", [serverNeed("triton")], () => {
  const loadSeconds = 3;
  let folder: string;
  let triton: RunningTriton;
  const status = async (path: string) => (await ask(triton, "GET", path)).status;
  const post = (path: string, body: object = {}) => ask(triton, "POST", `/v2/${path}`, body);
  const load = (model: string) => post(`repository/models/${model}/load`);

  beforeAll(async () => {
    folder = await temporaryFolder("triton");
    const storage = join(folder, "storage");
    const slow = { FACTOR: "0.5", LOAD_SECONDS: String(loadSeconds) };
    const all = models(join(folder, "executions.log")).map((model) =>
      model.name === "half" ? plannedModel("half", ["1", "3"], { ...tensors, parameters: slow }) : model,
    );
    for (const version of ["1", "3"]) await storeVersion(storage, "half", version);
    for (const version of ["1", "10"]) await storeVersion(storage, "triple", version);
    for (const model of ["half", "triple"]) await writeFile(join(storage, model, "labels.txt"), "good\n");
    const { repository } = await layOut(folder, storage, all, 8);
    triton = await startTritonServer({
      folder,
      args: serverArguments(all, "on-demand", repository),
    });
  });
  afterAll(() => triton?.stop());

  test("starts with nothing loaded", async () => {
    expect((await post("repository/index", { ready: true })).json).toEqual([]);
  });

  test("stays live and ready while a model loads", async () => {
    const { liveness, readiness } = tritonProfile.probes({ loading: "on-demand" });
    const loading = load("half");
    const index = async () =>
      (await askUntilAnswered(triton, "POST", "/v2/repository/index", {})).json as readonly {
        state?: string;
      }[];
    await eventually(index, (found) => found.some(({ state }) => state === "LOADING"));
    const probe = (path: string) =>
      ask(triton, "GET", path, undefined, AbortSignal.timeout(1_000)).then(
        (answer) => answer.status,
        () => "none",
      );
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, at) => probe(at % 2 === 0 ? liveness : readiness)),
    );
    expect((await index()).some(({ state }) => state === "LOADING")).toBe(true);
    // A connection that shares its thread with the load waits for it: two of them are far from the failures in a row
    // that a probe allows.
    expect(asked.filter((answer) => answer === 200).length).toBeGreaterThanOrEqual(18);
    expect(asked.filter((answer) => answer !== 200 && answer !== "none")).toEqual([]);
    expect((await loading).status).toBe(200);
  });

  test("loads the steps of an ensemble with it", async () => {
    expect((await post("repository/models/half/unload")).status).toBe(200);
    expect((await load("half-then-triple")).status).toBe(200);
    const input = { name: "raw", datatype: "FP32", shape: [1, 1], data: [8] };
    const answer = await post("models/half-then-triple/infer", { inputs: [input] });
    expect(answer.json.outputs[0].data).toEqual([120]);
    expect(await status("/v2/models/triple/versions/10/ready")).toBe(200);
  });
});
