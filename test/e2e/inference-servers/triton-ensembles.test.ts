import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tritonProblems } from "../../../platform/engines/triton/rules.ts";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask } from "./server-under-test.ts";
import { layOut, plannedModel, serverArguments, storeVersion } from "./triton-laid-out.ts";
import { startTritonServer, type RunningTriton } from "./triton.ts";

const fp32 = (name: string, shape: readonly number[] = [-1]) => ({ name, datatype: "FP32", shape });
const scale = (factor: string, options: object = {}) => ({
  backend: "python",
  inputs: [fp32("x")],
  outputs: [fp32("y")],
  parameters: { FACTOR: factor },
  ...options,
});

/** The steps that ensembles are made of. */
const steps: Readonly<Record<string, object>> = {
  double: scale("2"),
  triple: scale("3"),
  fixed: scale("1", { inputs: [fp32("x", [4])], outputs: [fp32("y", [4])] }),
  flat: scale("1", { batching: false }),
  unbatched: scale("1", { batching: false, inputs: [fp32("x", [-1, -1])], outputs: [fp32("y", [-1, -1])] }),
};

const through = (model: string, x: string, y: string) => ({ model, inputs: { x }, outputs: { y } });
const both = [through("double", "raw", "middle"), through("triple", "middle", "score")];
const ensemble = (options: object) => ({
  inputs: [fp32("raw")],
  outputs: [fp32("score")],
  ensemble: { steps: both },
  ...options,
});

interface Form {
  readonly options: object;
  readonly loads: boolean;
  /** Whether the rules refuse what Triton would load. */
  readonly stricter?: boolean;
}

/** Whether a server loads an ensemble, which the rules of the spec must foresee. */
const forms: Readonly<Record<string, Form>> = {
  plain: { options: {}, loads: true },
  "one-tensor-twice": {
    options: { outputs: [fp32("middle"), fp32("score")] },
    loads: true,
  },
  "input-without-reader": { options: { inputs: [fp32("raw"), fp32("more")] }, loads: false },
  "tensor-without-reader": {
    options: { ensemble: { steps: [...both, through("double", "raw", "more")] } },
    loads: false,
  },
  "tensor-from-nowhere": {
    options: { ensemble: { steps: [through("double", "row", "middle"), both[1]] } },
    loads: false,
  },
  "tensor-from-two-steps": {
    options: { ensemble: { steps: [...both, through("double", "raw", "score")] } },
    loads: false,
  },
  "input-from-a-step": {
    options: { ensemble: { steps: [through("double", "raw", "raw"), through("triple", "raw", "score")] } },
    loads: true,
    // No request is ever answered.
    stricter: true,
  },
  "output-from-nowhere": { options: { outputs: [fp32("score"), fp32("more")] }, loads: false },
  "another-datatype": { options: { inputs: [{ ...fp32("raw"), datatype: "INT32" }] }, loads: false },
  "another-rank": { options: { inputs: [fp32("raw", [2, 2])] }, loads: false },
  "another-size": {
    options: { inputs: [fp32("raw", [8])], ensemble: { steps: [through("fixed", "raw", "score")] } },
    loads: false,
  },
  "any-size-for-a-fixed-one": {
    options: { ensemble: { steps: [through("fixed", "raw", "score")] } },
    loads: true,
  },
  "step-with-an-unknown-input": {
    options: { ensemble: { steps: [{ ...both[0], inputs: { z: "raw" } }, both[1]] } },
    loads: false,
  },
  "step-without-an-input": {
    options: { ensemble: { steps: [{ ...both[0], inputs: {} }, both[1]] } },
    loads: false,
  },
  "unknown-model": {
    options: { ensemble: { steps: [{ ...both[0], model: "gone" }, both[1]] } },
    loads: false,
  },
  "version-that-is-not-served": {
    options: { ensemble: { steps: [{ ...both[0], version: 7 }, both[1]] } },
    loads: false,
  },
  "step-that-takes-the-batch-as-a-dimension": {
    options: { ensemble: { steps: [through("unbatched", "raw", "score")] } },
    loads: true,
  },
  "step-that-takes-no-batch": {
    options: { ensemble: { steps: [through("flat", "raw", "score")] } },
    loads: true,
    // The step gets a dimension more than it says that it takes.
    stricter: true,
  },
  "warmed-up": {
    options: { warmup: [{ name: "w", inputs: { raw: { datatype: "FP32", shape: [2] } } }] },
    loads: false,
  },
  optimized: { options: { extraConfig: "optimization { priority: PRIORITY_MAX }" }, loads: false },
  "of-itself": {
    options: {
      ensemble: { steps: [{ model: "of-itself", inputs: { raw: "raw" }, outputs: { score: "score" } }] },
    },
    loads: false,
  },
};

suite("Triton and the rules agree on ensembles", [serverNeed("triton")], () => {
  let triton: RunningTriton;

  beforeAll(async () => {
    const folder = await temporaryFolder("triton");
    const storage = join(folder, "storage");
    for (const name of Object.keys(steps)) await storeVersion(storage, name, "1");
    const models = [
      ...Object.entries(steps).map(([name, options]) => plannedModel(name, ["1"], options)),
      ...Object.entries(forms).map(([name, { options }]) => plannedModel(name, ["1"], ensemble(options))),
    ];
    const { repository } = await layOut(folder, storage, models, 8);
    triton = await startTritonServer({
      folder,
      args: serverArguments(models, "on-demand", repository),
    });
  });
  afterAll(() => triton?.stop());

  test.each(Object.entries(forms))("%s", async (name, { options, loads, stricter = false }) => {
    const engine = {
      type: "triton",
      storage: "pvc://models",
      replicas: 1,
      models: [
        ...Object.entries(steps).map(([step, triton]) => ({
          name: step,
          maxBatchSize: step === "unbatched" || step === "flat" ? 1 : 8,
          triton,
        })),
        { name, triton: ensemble(options) },
      ],
    };
    const problems = tritonProblems(engine, { spec: {}, path: [] });
    const load = await ask(triton, "POST", `/v2/repository/models/${name}/load`, {});
    expect({ loads: load.status === 200, error: load.text }).toMatchObject({ loads });
    expect({ refused: problems.length > 0, problems }).toMatchObject({ refused: !loads || stricter });
    if (!loads || stricter) return;
    const input = { name: "raw", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] };
    const answer = await ask(triton, "POST", `/v2/models/${name}/infer`, { inputs: [input] });
    expect(answer).toMatchObject({ status: 200 });
    const parameters = { unload_dependents: true };
    await ask(triton, "POST", `/v2/repository/models/${name}/unload`, { parameters });
  });
});
