import { expect, test } from "vitest";
import { leftToOthers } from "../../../components/engines/left-to-others.ts";

test("updates leave replicas alone that the plan does not own, and set those that it does", () => {
  expect(leftToOthers({ replicasOwner: "plan" })).toEqual({});
  for (const replicasOwner of ["keda", "hpa", "engine"] as const) {
    expect(leftToOthers({ replicasOwner })).toEqual({ ignoreChanges: ["spec.replicas"] });
  }
});
