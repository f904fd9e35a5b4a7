import { expect, test } from "vitest";
import { terminationGraceSeconds } from "../../../platform/engines/engine-profile.ts";
import { engineProfiles, isEngineType } from "../../../platform/engines/registry.ts";

test("a pod may take as long to end as it waits, plus its longest request, plus a margin", () => {
  expect(terminationGraceSeconds(engineProfiles.triton)).toBe(15 + 60 + 15);
  expect(terminationGraceSeconds(engineProfiles.vllm)).toBe(15 + 300 + 15);
});

test("engine types are those with a profile, and nothing that every object has", () => {
  expect(["dynamo", "triton", "vllm"].map(isEngineType)).toEqual([true, true, true]);
  expect(["emulator", "toString", ""].map(isEngineType)).toEqual([false, false, false]);
});

test("every profile is registered under its own type", () => {
  for (const [type, profile] of Object.entries(engineProfiles)) expect(profile.type).toBe(type);
});
