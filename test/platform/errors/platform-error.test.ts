import { describe, expect, test } from "vitest";
import { PlatformError, renderProblem, type Problem } from "../../../platform/errors/platform-error.ts";

const bare: Problem = { code: "SPEC_KEY_MISSING", message: "catalog is missing" };

describe("a problem", () => {
  test("is shown as code, message and the registry's remedy, where nothing more is known", () => {
    expect(renderProblem(bare)).toBe("SPEC_KEY_MISSING catalog is missing\n    remedy: Add the key.");
  });

  test("is shown with its place, path, what is allowed and a remedy of its own, where it has them", () => {
    expect(
      renderProblem({
        ...bare,
        position: { file: "my.yaml", line: 3, column: 7 },
        path: "catalog",
        allowed: "a version",
        remedy: "Write one.",
      }),
    ).toBe(
      "my.yaml:3:7 SPEC_KEY_MISSING catalog: catalog is missing\n    allowed: a version\n    remedy: Write one.",
    );
  });

  test("of the whole file has no path in front", () => {
    expect(renderProblem({ ...bare, path: "" })).toMatch(/^SPEC_KEY_MISSING catalog is missing\n/);
  });
});

describe("the error of a user", () => {
  test("says all its problems, one after the other, and has the code of the first", () => {
    const error = new PlatformError([bare, { code: "SPEC_TYPE_INVALID", message: "found 1" }]);
    expect(error.message).toBe(
      "SPEC_KEY_MISSING catalog is missing\n    remedy: Add the key.\n" +
        "SPEC_TYPE_INVALID found 1\n    remedy: Write the value in the form that is listed as allowed.",
    );
    expect(error.code).toBe("SPEC_KEY_MISSING");
    expect(error.problems).toHaveLength(2);
  });

  test("has a code also where it carries no problem", () => {
    expect(new PlatformError([]).code).toBe("SPEC_VALUE_CONFLICT");
  });

  test("keeps its cause", () => {
    const cause = new Error("ENOENT");
    expect(new PlatformError([bare], { cause }).cause).toBe(cause);
  });

  test("is recognised across copies of the package by name and problems, and nothing else is", () => {
    const ofAnotherCopy = Object.assign(new Error("x"), { name: "PlatformError", problems: [] });
    expect(PlatformError.is(new PlatformError([bare]))).toBe(true);
    expect(PlatformError.is(ofAnotherCopy)).toBe(true);
    expect(PlatformError.is({ name: "PlatformError", problems: [] })).toBe(false);
    expect(PlatformError.is(Object.assign(new Error("x"), { problems: [] }))).toBe(false);
    expect(PlatformError.is(Object.assign(new Error("x"), { name: "PlatformError" }))).toBe(false);
    expect(PlatformError.is(undefined)).toBe(false);
  });
});
