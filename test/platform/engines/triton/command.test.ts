import { describe, expect, test } from "vitest";
import { tritonCommand } from "../../../../platform/engines/triton/command.ts";
import { tritonEngineOptionsSchema } from "../../../../platform/engines/triton/engine-options.ts";
import { tritonReservedArguments } from "../../../../platform/engines/triton/reserved.ts";
import { refusedArguments } from "../../../../platform/engines/extra-arguments.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../../platform/plan/platform-plan.ts";
import { tritonModel } from "./triton-model.ts";

function commandOf(options: object, models = [tritonModel("bert")], loading = "preload"): readonly string[] {
  return tritonCommand(
    { models } as unknown as ReplicaGroupPlan,
    { loading, options: tritonEngineOptionsSchema.parse(options) } as unknown as EnginePlan,
  );
}

describe("the command of a server", () => {
  test("has what the engine's options say", () => {
    const base = commandOf({});
    const options = {
      logVerbose: 1,
      modelLoadThreads: 8,

      rateLimiterResources: { R2: 1, R1: 4 },
    };
    expect(commandOf(options)).toEqual([
      ...base,
      "--log-verbose=1",
      "--model-load-thread-count=8",
      "--rate-limit-resource=R1:4",
      "--rate-limit-resource=R2:1",
    ]);
  });

  test("turns rate limiters on where a model has one", () => {
    const limited = tritonModel("resnet", { rateLimiter: { priority: 2 } });
    expect(commandOf({}, [tritonModel("bert"), limited])).toContain("--rate-limit=execution_count");
    expect(commandOf({}).join(" ")).not.toContain("--rate-limit");
  });

  test("has no flag that a spec could give again", () => {
    const limited = tritonModel("resnet", { rateLimiter: { priority: 2 } });
    const every = commandOf({ logVerbose: 1, modelLoadThreads: 8, rateLimiterResources: { R1: 4 } }, [
      limited,
    ]).slice(1);
    expect(refusedArguments(every, tritonReservedArguments)).toHaveLength(every.length);
  });
});

test("flags that nothing else decides are for the spec", () => {
  const free = [
    "--cache-config=local,size=1048576",
    "--http-thread-count=16",
    "--metrics-config=summary_latencies=true",
    "--trace-config=level=OFF",
  ];
  expect(refusedArguments(free, tritonReservedArguments)).toEqual([]);
});
