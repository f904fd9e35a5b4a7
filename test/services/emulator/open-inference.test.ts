import { describe, expect, test } from "vitest";
import { maxBodyBytes } from "../../../services/emulator/http/body.ts";
import {
  expectedLogits,
  type InputTensor,
} from "../../../services/emulator/open-inference/expected-logits.ts";
import { endless, requestModel, tabularGroup } from "./groups.ts";
import { eventually, metric, post, startedGroup } from "./running-group.ts";

const inputIds: InputTensor = {
  name: "input_ids",
  datatype: "INT64",
  shape: [2, 3],
  data: [1, 2, 3, 4, 5, 6],
};

const prefix = "[request id: <id_unknown>] ";

function preloaded(): Promise<string> {
  return startedGroup({ group: tabularGroup(), loading: "preload", protocol: "open-inference-v2" });
}

function onDemand(weightsGiB = 0.02): Promise<string> {
  return startedGroup({
    group: tabularGroup({ weightsGiB }),
    loading: "on-demand",
    protocol: "open-inference-v2",
  });
}

describe("a preloaded server", () => {
  test("is live and ready, and tells what it is", async () => {
    const url = await preloaded();
    const statuses = ["/v2/health/live", "/v2/health/ready", "/v2/models/bert-base/ready"].map(
      async (path) => (await fetch(url + path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(await (await fetch(`${url}/v2`)).json()).toEqual({
      name: "triton",
      version: "2.71.0",
      extensions: ["model_repository"],
    });
  });

  test("answers an infer request with the expected logits, its id and the version that was asked", async () => {
    const url = await preloaded();
    const answer = await post(`${url}/v2/models/bert-base/versions/3/infer`, {
      id: "r-1",
      inputs: [inputIds],
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      id: "r-1",
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
    });
  });

  test("takes the newest version where none is named, by number and not by letter", async () => {
    const url = await preloaded();
    const answer = await post(`${url}/v2/models/bert-base/infer`, { inputs: [inputIds] });
    expect(await answer.json()).toMatchObject({ model_version: "10" });
  });

  test("describes a model", async () => {
    const url = await preloaded();
    expect(await (await fetch(`${url}/v2/models/bert-base/versions/3`)).json()).toEqual({
      name: "bert-base",
      versions: ["3"],
      platform: "emulator",
      inputs: [{ name: "input_ids", datatype: "INT64", shape: [-1, -1] }],
      outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 2] }],
    });
  });

  test("lists all versions of a model where none is named", async () => {
    const url = await preloaded();
    expect(await (await fetch(`${url}/v2/models/bert-base`)).json()).toMatchObject({ versions: ["3", "10"] });
  });

  test.each([
    ["/v2/models/unknown/infer", "Request for unknown model: 'unknown' is not found"],
    [
      "/v2/models/bert-base/versions/4/infer",
      "Request for unknown model: 'bert-base' version 4 is not found",
    ],
    ["/v2/models/bert-base/versions/latest/infer", "Not Found"],
    ["/v2/models/bert-base/nonsense", "Not Found"],
    ["/v1/chat/completions", "Not Found"],
  ])("answers 404 to POST %s", async (path, error) => {
    const answer = await post((await preloaded()) + path, { inputs: [inputIds] });
    expect([answer.status, await answer.json()]).toEqual([404, { error }]);
  });

  // Messages and statuses are Triton's, 500 for what its JSON reader trips over included.
  test.each([
    ["text that is not JSON", "{", 500, "failed to parse the request JSON buffer"],
    [
      "a request without inputs",
      {},
      500,
      "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'",
    ],
    [
      "inputs that are no list",
      { inputs: {} },
      500,
      "Unable to parse 'inputs': attempt to access JSON non-array as array",
    ],
    [
      "an id that is no text",
      { id: 7, inputs: [inputIds] },
      500,
      "Unable to parse 'id': attempt to access JSON non-string as string",
    ],
    [
      "an empty list of inputs",
      { inputs: [] },
      400,
      `${prefix}expected at least 1 inputs but got 0 inputs for model 'bert-base'`,
    ],
    [
      "an input without a name",
      { inputs: [{ ...inputIds, name: undefined }] },
      500,
      "Unable to parse 'name': attempt to access non-existing object member 'name'",
    ],
    [
      "an input with an empty name",
      { inputs: [{ ...inputIds, name: "" }] },
      400,
      "unexpected inference input '' for model 'bert-base'",
    ],
    [
      "an unknown datatype",
      { inputs: [{ ...inputIds, datatype: "INT65" }] },
      400,
      "invalid datatype for input input_ids",
    ],
    [
      "a shape with a negative dimension",
      { inputs: [{ ...inputIds, shape: [-1, 3] }] },
      500,
      "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer",
    ],
    [
      "an input without a batch dimension",
      { inputs: [{ ...inputIds, shape: [] }] },
      400,
      "input 'input_ids' has no shape but model requires batch dimension for 'bert-base'",
    ],
    [
      "data that does not fill its shape",
      { inputs: [{ ...inputIds, shape: [2, 4] }] },
      500,
      "Unable to parse 'data': Shape does not match true shape of 'data' field",
    ],
    [
      "text in a tensor of numbers",
      { inputs: [{ ...inputIds, shape: [1, 1], data: ["1"] }] },
      500,
      "Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer",
    ],
    [
      "a fraction in a tensor of whole numbers",
      { inputs: [{ ...inputIds, shape: [1, 1], data: [1.5] }] },
      500,
      "Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer",
    ],
    [
      "a negative number in a tensor of unsigned ones",
      { inputs: [{ ...inputIds, datatype: "UINT8", shape: [1, 1], data: [-1] }] },
      500,
      "Unable to parse 'data': attempt to access JSON non-unsigned-integer as unsigned-integer",
    ],
    [
      "binary tensor data",
      { inputs: [{ ...inputIds, data: undefined, parameters: { binary_data_size: 48 } }] },
      400,
      "unable to find 'data' of input 'input_ids' as JSON; binary tensor data and shared memory are not emulated",
    ],
    [
      "data nested beyond any shape",
      `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":${"[".repeat(100_000)}1${"]".repeat(100_000)}}]}`,
      500,
      "Unable to parse 'data': attempt to access JSON non-number as number",
    ],
    [
      "one input twice",
      { inputs: [inputIds, inputIds] },
      400,
      `${prefix}input 'input_ids' already exists in request`,
    ],
    [
      "inputs of different batch sizes",
      { id: "r-2", inputs: [inputIds, { ...inputIds, name: "mask", shape: [1, 6] }] },
      400,
      "[request id: r-2] input 'mask' batch size 1 does not match batch size 2 of input 'input_ids'",
    ],
    [
      "an unknown output",
      { inputs: [inputIds], outputs: [{ name: "probabilities" }] },
      400,
      "unexpected inference output 'probabilities' for model 'bert-base'",
    ],
    [
      "a batch that is larger than the server's",
      { inputs: [{ ...inputIds, shape: [9, 1], data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }] },
      400,
      `${prefix}inference request batch-size must be <= 8 for 'bert-base'`,
    ],
  ])("refuses %s", async (_, body, status, error) => {
    const answer = await post(`${await preloaded()}/v2/models/bert-base/infer`, body);
    expect([answer.status, await answer.json()]).toEqual([status, { error }]);
  });

  test("takes data in nested lists and other datatypes", async () => {
    const url = await preloaded();
    const inputs = [
      { name: "text", datatype: "BYTES", shape: [2, 1], data: [["good"], ["bad"]] },
      { name: "flag", datatype: "BOOL", shape: [2], data: [true, false] },
    ];
    const answer = await post(`${url}/v2/models/bert-base/versions/3/infer`, { inputs });
    const flat = inputs.map((input) => ({ ...input, data: input.data.flat() }));
    expect(await answer.json()).toMatchObject({
      outputs: [{ data: expectedLogits("bert-base", "3", flat) }],
    });
  });

  test("refuses a body above 16 MiB and goes on", async () => {
    const url = `${await preloaded()}/v2/models/bert-base/infer`;
    const answer = await post(url, " ".repeat(maxBodyBytes + 1));
    expect([answer.status, await answer.json()]).toEqual([
      413,
      { error: "request body is larger than 16 MiB" },
    ]);
    expect((await post(url, { inputs: [inputIds] })).status).toBe(200);
  });

  test("answers 405 to another method and 400 to a malformed path", async () => {
    const url = await preloaded();
    expect((await fetch(`${url}/v2`, { method: "DELETE" })).status).toBe(405);
    expect((await fetch(`${url}/v2/models/bert-base/infer`)).status).toBe(405);
    expect((await fetch(`${url}/v2/repository/index`)).status).toBe(405);
    expect((await fetch(`${url}/v2/models/%E0%A4%A`)).status).toBe(400);
  });

  test("counts under Triton's names", async () => {
    const url = await preloaded();
    await post(`${url}/v2/models/bert-base/versions/3/infer`, { inputs: [inputIds] });
    const labels = `{model="bert-base",version="3"}`;
    expect(await metric(url, `nv_inference_request_success${labels}`)).toBe(1);
    expect(await metric(url, `nv_inference_count${labels}`)).toBe(2);
    expect(await metric(url, `nv_inference_exec_count${labels}`)).toBe(1);
    expect(await metric(url, `nv_inference_pending_request_count${labels}`)).toBe(0);
    // Series of versions that nobody has asked yet are there too.
    expect(await metric(url, `nv_inference_count{model="bert-base",version="10"}`)).toBe(0);
    // 1 + 0.1·2 ms
    expect(await metric(url, `nv_inference_compute_infer_duration_us${labels}`)).toBeCloseTo(1_200, 6);
  });
});

describe("a server whose GPU is busy", () => {
  const slow = { ...requestModel("bert-base", "3"), parameters: endless };
  const path = "/v2/models/bert-base/infer";
  const pending = `nv_inference_pending_request_count{model="bert-base",version="3"}`;

  test("refuses what its queue cannot hold, and frees the place of a client that went away", async () => {
    const url = await startedGroup({
      group: tabularGroup({ models: [slow], maxBatchSize: 1 }),
      loading: "preload",
      protocol: "open-inference-v2",
    });
    const client = new AbortController();
    const one = { inputs: [{ ...inputIds, shape: [1, 6] }] };
    const infer = () =>
      post(url + path, one, client.signal).then(
        ({ status }) => status,
        () => "gone",
      );
    // One executes, ten wait.
    const held = Array.from({ length: 11 }, infer);
    await eventually(
      () => metric(url, pending),
      (count) => count === 10,
    );
    const refused = await post(url + path, one);
    expect([refused.status, await refused.json()]).toEqual([503, { error: "Exceeds maximum queue size" }]);
    client.abort();
    expect(new Set(await Promise.all(held))).toEqual(new Set(["gone"]));
    expect(
      await eventually(
        () => metric(url, pending),
        (count) => count === 0,
      ),
    ).toBe(0);
    const failures = `nv_inference_request_failure{model="bert-base",version="3"`;
    expect(await metric(url, `${failures},reason="REJECTED"}`)).toBe(1);
    expect(await metric(url, `${failures},reason="CANCELED"}`)).toBe(11);
  });
});

describe("an on-demand server", () => {
  const model = "/v2/models/bert-base";
  const repository = "/v2/repository/models/bert-base";

  test("is ready with nothing loaded, and answers 404 until a model is loaded", async () => {
    const url = await onDemand();
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    expect((await fetch(`${url}${model}/ready`)).status).toBe(400);
    expect((await post(`${url}${model}/infer`, { inputs: [inputIds] })).status).toBe(404);
    expect(await (await post(`${url}/v2/repository/index`, "")).json()).toEqual([
      { name: "bert-base" },
      { name: "resnet-50" },
    ]);
  });

  test("answers a load when the model is ready, and 404 again after its unload", async () => {
    const url = await onDemand();
    expect((await post(`${url}${repository}/load`, {})).status).toBe(200);
    expect((await fetch(`${url}${model}/ready`)).status).toBe(200);
    expect((await post(`${url}${model}/infer`, { inputs: [inputIds] })).status).toBe(200);
    expect(await (await post(`${url}/v2/repository/index`, { ready: true })).json()).toEqual([
      { name: "bert-base", version: "3", state: "READY" },
      { name: "bert-base", version: "10", state: "READY" },
    ]);
    expect((await post(`${url}${repository}/unload`, {})).status).toBe(200);
    expect((await post(`${url}${model}/infer`, { inputs: [inputIds] })).status).toBe(404);
    const entry = async () => {
      const index = (await (await post(`${url}/v2/repository/index`, {})).json()) as { version?: string }[];
      return index.find(({ version }) => version === "3");
    };
    expect(await entry()).toEqual({ name: "bert-base", version: "3", state: "UNLOADING" });
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(400);
    const unloaded = { name: "bert-base", version: "3", state: "UNAVAILABLE", reason: "unloaded" };
    expect(await eventually(entry, (found) => JSON.stringify(found) === JSON.stringify(unloaded))).toEqual(
      unloaded,
    );
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    const infer = await post(`${url}${model}/versions/3/infer`, { inputs: [inputIds] });
    expect([infer.status, await infer.json()]).toEqual([
      503,
      { error: "Request for unknown model: 'bert-base' version 3 is not at ready state" },
    ]);
  });

  test("loads a model again that is still going", async () => {
    const url = await onDemand();
    for (const verb of ["load", "unload", "load"]) await post(`${url}${repository}/${verb}`, {});
    expect((await fetch(`${url}${model}/ready`)).status).toBe(200);
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  });

  test("is not ready while a model loads, as Triton with strict readiness", async () => {
    // 7,200 GiB load for an hour; the end of the test ends it.
    const url = await onDemand(7_200);
    const client = new AbortController();
    const load = post(`${url}${repository}/load`, {}, client.signal).catch(() => "gone");
    const ready = async () => (await fetch(`${url}/v2/health/ready`)).status;
    expect(await eventually(ready, (status) => status !== 200)).toBe(400);
    const infer = await post(`${url}${model}/versions/3/infer`, { inputs: [inputIds] });
    expect([infer.status, await infer.json()]).toEqual([
      503,
      { error: "Request for unknown model: 'bert-base' version 3 is not at ready state" },
    ]);
    expect((await post(`${url}${model}/infer`, { inputs: [inputIds] })).status).toBe(404);
    client.abort();
    expect(await load).toBe("gone");
  });

  test("shares a load that is in progress", async () => {
    const url = await onDemand();
    const loads = await Promise.all([1, 2, 3].map(() => post(`${url}${repository}/load`, {})));
    expect(loads.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test("answers 500 to the load of a model it does not have, as Triton", async () => {
    const answer = await post(`${await onDemand()}/v2/repository/models/unknown/load`, {});
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { error: "failed to load 'unknown', failed to poll from model repository" },
    ]);
  });
});

describe("the expected logits", () => {
  test("are stable", () => {
    expect(expectedLogits("bert-base", "3", [inputIds])).toMatchSnapshot();
  });

  test("of a row do not depend on the batch it comes in", () => {
    const [, , ...second] = expectedLogits("bert-base", "3", [inputIds]);
    expect(expectedLogits("bert-base", "3", [{ ...inputIds, shape: [1, 3], data: [4, 5, 6] }])).toEqual(
      second,
    );
  });

  test("differ by model, version and input", () => {
    const answers = [
      expectedLogits("bert-base", "3", [inputIds]),
      expectedLogits("bert-base", "4", [inputIds]),
      expectedLogits("bert-large", "3", [inputIds]),
      expectedLogits("bert-base", "3", [{ ...inputIds, data: [1, 2, 3, 4, 5, 7] }]),
    ];
    expect(new Set(answers.map(String)).size).toBe(4);
  });
});
