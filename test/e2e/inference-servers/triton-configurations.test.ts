import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask } from "./server-under-test.ts";
import { layOut, plannedModel, serverArguments, storeVersion } from "./triton-laid-out.ts";
import { startTritonServer, type RunningTriton } from "./triton.ts";

const x = { name: "x", datatype: "FP32", shape: [-1] };
const y = { name: "y", datatype: "FP32", shape: [-1] };

interface Form {
  /** Options beside tensors and parameters. */
  readonly options: object;
  /** What Triton says of its configuration, as far as it is looked at; or why it does not load the model. */
  readonly config: object | RegExp;
}

const forms: Readonly<Record<string, Form>> = {
  "no-backend": { options: {}, config: { backend: "python", dynamic_batching: {} } },
  "no-batches": {
    options: { batching: false, inputs: [{ ...x, shape: [-1, -1] }], outputs: [{ ...y, shape: [-1, 2] }] },
    config: { max_batch_size: 0, input: [{ dims: [-1, -1] }], output: [{ dims: [-1, 2] }] },
  },
  "more-inputs": {
    options: {
      inputs: [
        x,
        { name: "note", datatype: "BYTES", shape: [1], optional: true },
        { name: "flag", datatype: "BOOL", shape: [1], reshape: [], optional: true },
        { name: "grid", datatype: "INT8", shape: [4], reshape: [2, 2], optional: true },
        { name: "half/precision:0", datatype: "BF16", shape: [1], optional: true },
      ],
    },
    config: {
      input: [
        {},
        { data_type: "TYPE_STRING", optional: true },
        { data_type: "TYPE_BOOL", reshape: { shape: [] } },
        { data_type: "TYPE_INT8", reshape: { shape: [2, 2] } },
        { name: "half/precision:0", data_type: "TYPE_BF16" },
      ],
    },
  },
  ragged: {
    options: { inputs: [{ ...x, ragged: true }] },
    config: { input: [{ allow_ragged_batch: true }] },
  },
  queues: {
    options: { dynamicBatching: { priorities: { levels: 3, default: 1 }, queuePolicy: { maxQueueSize: 5 } } },
    config: { dynamic_batching: { default_priority_level: 1, default_queue_policy: { max_queue_size: 5 } } },
  },
  "in-order": {
    options: {
      dynamicBatching: {
        preserveOrdering: true,
        priorities: { levels: 1, default: 1 },
        queuePolicy: { timeout: "1s", onTimeout: "reject" },
      },
    },
    config: { dynamic_batching: { preserve_ordering: true } },
  },
  // What the spec's rules refuse, to know that they are right to.
  "out-of-order": {
    options: { dynamicBatching: { preserveOrdering: true, priorities: { levels: 2, default: 1 } } },
    config: /failed to poll/,
  },
  "delayed-in-order": {
    options: {
      dynamicBatching: { preserveOrdering: true, queuePolicy: { timeout: "1s", onTimeout: "delay" } },
    },
    config: /failed to poll/,
  },
  "reshaped-to-other-elements": {
    options: { inputs: [x, { name: "grid", datatype: "INT8", shape: [4], reshape: [3], optional: true }] },
    config: /different size for dims and reshape/,
  },
  "reshaped-in-another-order": {
    options: {
      inputs: [x, { name: "grid", datatype: "INT8", shape: [-1, 6], reshape: [6, -1], optional: true }],
    },
    config: /different size for dims and reshape/,
  },
  "larger-batches-than-planned": {
    options: {
      dynamicBatching: { preferredSizes: [2, 32] },
      warmup: [{ name: "large", batchSize: 32, inputs: { x: { datatype: "FP32", shape: [2] } } }],
    },
    config: { dynamic_batching: { preferred_batch_size: [2] } },
  },
  "warm-up-without-an-input": {
    options: {
      inputs: [x, { ...x, name: "mask" }],
      warmup: [{ name: "half", inputs: { x: { datatype: "FP32", shape: [2] } } }],
    },
    config: /warmup|expected 2 inputs/,
  },
  "many-instances": {
    options: { instances: [{ count: 2, kind: "cpu" }, { kind: "auto" }, { kind: "model" }] },
    config: { instance_group: [{ count: 2, kind: "KIND_CPU" }, { count: 1 }, { kind: "KIND_MODEL" }] },
  },
  "limited-without-instances": {
    options: { rateLimiter: { resources: [{ name: "memory", count: 1 }] } },
    config: { instance_group: [{ rate_limiter: { resources: [{ name: "memory", count: 1 }] } }] },
  },
  sequences: {
    options: { extraConfig: "sequence_batching { max_sequence_idle_microseconds: 7000000 }" },
    config: { sequence_batching: { max_sequence_idle_microseconds: 7000000 } },
  },
  "more-config": {
    options: {
      extraConfig: `response_cache { enable: false } # none\noptimization { priority: PRIORITY_MAX }`,
    },
    config: { optimization: { priority: "PRIORITY_MAX" } },
  },
};

suite("Triton takes configurations", [serverNeed("triton")], () => {
  let triton: RunningTriton;

  beforeAll(async () => {
    const folder = await temporaryFolder("triton");
    const storage = join(folder, "storage");
    const models = Object.entries(forms).map(([name, { options }]) =>
      plannedModel(name, ["1"], { inputs: [x], outputs: [y], parameters: { FACTOR: "2" }, ...options }),
    );
    for (const name of Object.keys(forms)) {
      await storeVersion(storage, name, "1");
      await writeFile(join(storage, name, "labels.txt"), "good\n");
    }
    const { repository } = await layOut(folder, storage, models, 8);
    triton = await startTritonServer({
      folder,
      args: serverArguments(models, "on-demand", repository),
    });
  });
  afterAll(() => triton?.stop());

  test.each(Object.keys(forms))("%s", async (name) => {
    const post = (path: string, body: object) => ask(triton, "POST", `/v2/${path}`, body);
    const { config } = forms[name] ?? {};
    const load = await post(`repository/models/${name}/load`, {});
    if (config instanceof RegExp) {
      expect(load.json.error).toMatch(config);
      return;
    }
    expect(load).toMatchObject({ status: 200, text: "" });
    const { json } = await ask(triton, "GET", `/v2/models/${name}/config`);
    expect(json).toMatchObject({ name, ...config });
    const input = { name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] };
    const parameters =
      name === "sequences" ? { sequence_id: 1, sequence_start: true, sequence_end: true } : {};
    const answer = await post(`models/${name}/infer`, { inputs: [input], parameters });
    expect(answer).toMatchObject({ status: 200, json: { outputs: [{ data: [2, 4] }] } });
    expect(await post(`repository/models/${name}/unload`, {})).toMatchObject({ status: 200 });
  });
});
