import { expect, test } from "vitest";
import { expectedLogits } from "../../../services/emulator/open-inference/expected-logits.ts";
import { ask, type ServerUnderTest } from "./server-under-test.ts";
import { inputIds } from "./tabular-models.ts";

/** What servers of the protocol may do differently. */
export interface OpenInferenceTraits {
  /** `false`: the server knows no versions, and its paths must not name one. */
  readonly versions: boolean;
  /** Whether metadata describe the tensors of a model. */
  readonly describesTensors: boolean;
  /** Status of the readiness of a model that there is not. */
  readonly unknownReadyStatus: number;
  /** Statuses of requests that cannot be read or executed. */
  readonly refusals: {
    readonly notJson: number;
    readonly noInputs: number;
    readonly emptyInputs: number;
    readonly unknownDatatype: number;
    readonly wrongElementCount: number;
  };
}

/** Triton, the emulator that stands in for it, and the proxy in front of either. */
export const tritonTraits: OpenInferenceTraits = {
  versions: true,
  describesTensors: true,
  unknownReadyStatus: 400,
  // What Triton's JSON reader trips over is an internal error to it.
  refusals: {
    notJson: 500,
    noInputs: 500,
    emptyInputs: 400,
    unknownDatatype: 400,
    wrongElementCount: 500,
  },
};

const model = "/v2/models/bert-base";

/**
 * Open Inference Protocol v2 over HTTP with JSON, for a server of `bert-base` (versions 3 and 10) whose answers are the
 * expected logits. `server` is asked when a test runs, after the suite has started it.
 */
export function openInferenceContract(server: () => ServerUnderTest, traits: OpenInferenceTraits): void {
  const { versions } = traits;
  const version = versions ? "/versions/3" : "";
  const infer = (body: unknown, path = `${model}${version}/infer`) => ask(server(), "POST", path, body);

  test("is live and ready", async () => {
    for (const path of ["/v2/health/live", "/v2/health/ready"]) {
      expect((await ask(server(), "GET", path)).status).toBe(200);
    }
  });

  test("tells a model that is ready from one that it does not have", async () => {
    expect((await ask(server(), "GET", `${model}${version}/ready`)).status).toBe(200);
    expect((await ask(server(), "GET", "/v2/models/unknown/ready")).status).toBe(traits.unknownReadyStatus);
  });

  test("describes a model", async () => {
    const answer = await ask(server(), "GET", `${model}${version}`);
    expect(answer).toMatchObject({ status: 200, json: { name: "bert-base" } });
    if (versions) expect(answer.json.versions).toEqual(["3"]);
    expect([answer.json.inputs, answer.json.outputs]).toEqual(
      traits.describesTensors
        ? [
            [{ name: "input_ids", datatype: "INT64", shape: [-1, -1] }],
            [{ name: "logits", datatype: "FP32", shape: [-1, 2] }],
          ]
        : [[], []],
    );
  });

  test("answers with exact outputs and the id of the request", async () => {
    const answer = await infer({ id: "r-1", inputs: [inputIds] });
    expect(answer).toMatchObject({
      status: 200,
      contentType: "application/json",
      json: {
        id: "r-1",
        model_name: "bert-base",
        model_version: versions ? "3" : null,
        outputs: [
          {
            name: "logits",
            datatype: "FP32",
            shape: [2, 2],
            data: expectedLogits("bert-base", "3", [inputIds]),
          },
        ],
      },
    });
  });

  test("takes nested data as it takes flat data", async () => {
    const nested = {
      ...inputIds,
      data: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    };
    const answers = [
      await infer({ id: "r-1", inputs: [nested] }),
      await infer({ id: "r-1", inputs: [inputIds] }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.json).toEqual(answers[1]?.json);
  });

  test("refuses an unknown model with 404 and a message", async () => {
    const answer = await infer({ inputs: [inputIds] }, "/v2/models/unknown/infer");
    expect(answer).toMatchObject({ status: 404, json: { error: expect.stringMatching(/\S/) as string } });
  });

  if (versions) {
    test("refuses an unknown version with 404 and a message", async () => {
      for (const answer of [
        await infer({ inputs: [inputIds] }, `${model}/versions/4/infer`),
        await ask(server(), "GET", `${model}/versions/4`),
      ]) {
        expect(answer).toMatchObject({ status: 404, json: { error: expect.stringMatching(/\S/) as string } });
      }
    });

    test("takes the newest version, by number, where a request names none", async () => {
      const answer = await infer({ inputs: [inputIds] }, `${model}/infer`);
      expect(answer.json).toMatchObject({
        model_version: "10",
        outputs: [{ data: expectedLogits("bert-base", "10", [inputIds]) }],
      });
    });
  }

  test("refuses requests that it cannot read or execute, and goes on", async () => {
    const { refusals } = traits;
    const statuses = {
      notJson: (await infer("{")).status,
      noInputs: (await infer({})).status,
      emptyInputs: (await infer({ inputs: [] })).status,
      unknownDatatype: (await infer({ inputs: [{ ...inputIds, datatype: "INT65" }] })).status,
      wrongElementCount: (await infer({ inputs: [{ ...inputIds, shape: [2, 4] }] })).status,
    };
    expect(statuses).toEqual(refusals);
    expect((await infer({ inputs: [inputIds] })).status).toBe(200);
  });

  test("takes an infer request by POST only", async () => {
    expect((await ask(server(), "GET", `${model}${version}/infer`)).status).toBe(405);
  });
}
