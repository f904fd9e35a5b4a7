import { expect, test } from "vitest";
import { problemsOf, smallSpecWith } from "../../support/spec-fixture.ts";

test.each([
  ["1.0", "1"],
  ["007", "7"],
  ["0x1F", "31"],
  ["12345e7", "123450000000"],
])("a version that is written %s is not silently another one", (written, read) => {
  expect(problemsOf(smallSpecWith("version: 3", `version: ${written}`))).toContainEqual(
    expect.objectContaining({
      code: "SPEC_TYPE_INVALID",
      message: `found version ${written}, which YAML reads as the number ${read}`,
      allowed: `a whole number without leading zeros, or text in quotes: "${written}"`,
      position: expect.objectContaining({ file: "small.yaml" }),
    }),
  );
});

test("a version is a plain number, or text in quotes", () => {
  expect(problemsOf(smallSpecWith("version: 3", "version: 12"))).toEqual([]);
  expect(problemsOf(smallSpecWith("version: 3", 'version: "12"'))).toEqual([]);
});
