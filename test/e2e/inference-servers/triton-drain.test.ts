import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { serverNeed } from "./prepared-environment.ts";
import { ask } from "./server-under-test.ts";
import { layOut, plannedModel, serverArguments, storeVersion } from "./triton-laid-out.ts";
import { startTritonServer } from "./triton.ts";

suite("Triton that is told to leave", [serverNeed("triton")], () => {
  test("answers what it has begun before it ends, within the time of its arguments", async () => {
    const folder = await temporaryFolder("triton");
    const storage = join(folder, "storage");
    const slow = plannedModel("slow", ["1"], {
      inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
      parameters: { FACTOR: "2", EXECUTE_SECONDS: "3" },
    });
    await storeVersion(storage, "slow", "1");
    const { repository } = await layOut(folder, storage, [slow], 8);
    const triton = await startTritonServer({ folder, args: serverArguments([slow], "preload", repository) });
    const input = { name: "x", datatype: "FP32", shape: [1, 1], data: [4] };
    const answer = ask(triton, "POST", "/v2/models/slow/infer", { inputs: [input] });
    // Long enough for the request to be in the model, and well before it is answered.
    await setTimeout(1_000);
    const [{ status, json }] = await Promise.all([answer, triton.stop()]);
    expect(status).toBe(200);
    expect(json.outputs[0].data).toEqual([8]);
  });
});
