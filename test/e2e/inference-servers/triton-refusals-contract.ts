import { expect, test } from "vitest";
import { ask, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const path = "/v2/models/bert-base/versions/3/infer";
const prefix = "[request id: <id_unknown>] ";

const unreadable = [
  [
    "inputs that are no list",
    { inputs: {} },
    "Unable to parse 'inputs': attempt to access JSON non-array as array",
  ],
  [
    "an id that is no text",
    { id: 7, inputs: [inputIds] },
    "Unable to parse 'id': attempt to access JSON non-string as string",
  ],
  [
    "an input without a name",
    { inputs: [{ ...inputIds, name: undefined }] },
    "Unable to parse 'name': attempt to access non-existing object member 'name'",
  ],
  [
    "a shape with a negative dimension",
    { inputs: [{ ...inputIds, shape: [-1, 3] }] },
    "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer",
  ],
  [
    "data that does not fill its shape",
    { inputs: [{ ...inputIds, shape: [2, 4] }] },
    "Unable to parse 'data': Shape does not match true shape of 'data' field",
  ],
  [
    "a fraction in a tensor of whole numbers",
    { inputs: [{ ...inputIds, shape: [1, 1], data: [1.5] }] },
    "Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer",
  ],
] as const;

const refused = [
  [
    "an unknown datatype",
    { inputs: [{ ...inputIds, datatype: "INT65" }] },
    "invalid datatype for input input_ids",
  ],
  [
    "one input twice",
    { inputs: [inputIds, inputIds] },
    `${prefix}input 'input_ids' already exists in request`,
  ],
  [
    "an unknown output",
    { inputs: [inputIds], outputs: [{ name: "probabilities" }] },
    "unexpected inference output 'probabilities' for model 'bert-base'",
  ],
  [
    "a batch that is larger than the model's",
    { id: "r-9", inputs: [{ ...inputIds, shape: [9, 1], data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }] },
    "[request id: r-9] inference request batch-size must be <= 8 for 'bert-base'",
  ],
] as const;

/**
 * Triton's words, which the emulator repeats. It deliberately says less than Triton in three places: it takes any names,
 * datatypes and ranks of inputs, because plans say nothing about tensors; it reads no binary tensors; and its messages
 * about text that is not JSON do not tell the position.
 */
export function tritonRefusalsContract(server: () => ServerUnderTest): void {
  test.each(unreadable)("answers 500 to %s, as Triton says it", async (_, body, error) => {
    expect(await ask(server(), "POST", path, body)).toMatchObject({ status: 500, json: { error } });
  });

  test.each(refused)("answers 400 to %s, as Triton says it", async (_, body, error) => {
    expect(await ask(server(), "POST", path, body)).toMatchObject({ status: 400, json: { error } });
  });

  test("declares the error of an unknown model as plain text, though it is JSON", async () => {
    const answer = await ask(server(), "POST", "/v2/models/unknown/infer", { inputs: [inputIds] });
    expect(answer).toMatchObject({
      status: 404,
      contentType: "text/plain",
      json: { error: "Request for unknown model: 'unknown' is not found" },
    });
  });

  test("has no path for a version that is no number", async () => {
    for (const tail of ["", "/ready"]) {
      const answer = await ask(server(), "GET", `/v2/models/bert-base/versions/latest${tail}`);
      expect(answer).toMatchObject({ status: 404, json: { error: "Not Found" } });
    }
  });
}
