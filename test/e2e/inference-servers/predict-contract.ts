import { expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { ask, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

const envelope = {
  inference_server_name: "tabular",
  model_name: "bert-base",
  model_version: "3",
  payload: { inputs: [inputIds] },
};

/** `POST /predict`, the contract of the reference design, through the proxy to an Open Inference engine. */
export function predictContract(proxy: () => ServerUnderTest): void {
  const predict = (changes: object) => ask(proxy(), "POST", "/predict", { ...envelope, ...changes });

  test("/predict puts the engine's answer into the envelope", async () => {
    expect(await predict({})).toMatchObject({
      status: 200,
      json: {
        status_code: 200,
        result: {
          model_name: "bert-base",
          model_version: "3",
          outputs: [{ name: "logits", shape: [2, 2], data: expectedLogits("bert-base", "3", [inputIds]) }],
        },
      },
    });
  });

  test("/predict finds the server by its type too", async () => {
    const answer = await predict({ inference_server_name: undefined, inference_server_type: "triton" });
    expect(answer).toMatchObject({ status: 200, json: { result: { model_version: "3" } } });
  });

  test("/predict hands on the engine's own error with its status", async () => {
    const answer = await predict({ payload: { inputs: [{ ...inputIds, shape: [2, 4] }] } });
    const error = "Unable to parse 'data': Shape does not match true shape of 'data' field";
    expect(answer).toMatchObject({ status: 500, json: { status_code: 500, result: { error } } });
  });

  test("/predict answers for what the proxy does not know by itself", async () => {
    const answer = await predict({ model_name: "unknown" });
    expect(answer).toMatchObject({
      status: 404,
      json: { status_code: 404, error: { code: "MODEL_UNKNOWN" } },
    });
  });
}
