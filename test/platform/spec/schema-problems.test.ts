import { describe, expect, test } from "vitest";
import { problemsOf, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

/** The one problem that a replaced piece of the small spec has. */
function problemOf(found: string, replacement: string) {
  const problems = problemsOf(smallSpecWith(found, replacement));
  expect(problems).toHaveLength(1);
  return problems[0];
}

const at = (line: number, column: number) => ({ file: "small.yaml", line, column });

describe("what the schema refuses", () => {
  test.each([
    ["kind: Platform", "kind: Platfrm", "Platform"],
    ["stage: local", "stage: nowhere", "dev, test, prod, local"],
    ["use: [L4, H100-80G]", "use: {}", "a list"],
    ["use: [L4, H100-80G]", "use: []", "at least 1 entries"],
    ["inputTokens: 512", "inputTokens: text", "a number"],
    ["inputTokens: 512", "inputTokens: 0", "at least 1"],
    ["inputTokens: 512", "inputTokens: 1.5", "a whole number"],
    ["inputTokens: 512", "inputTokens: 10000001", "at most 10000000"],
    ["name: small", `name: ${"x".repeat(31)}`, "at most 30 characters"],
    ["owner: platform", "owner: 5", "text"],
    ["latencyP95: 50ms", "latencyP95: 0ms", "more than 0 ms"],
    ["rate: 600/min", "rate: 2000000/min", "at most 1000000/min for one server"],
    ["use: [L4, H100-80G]", "limits: [L4]", "a mapping"],
    ["  - { name: Premium, priority: 1 }", "  - Premium", "a mapping"],
    ["version: 3", "version: [3]", "a whole number from 1, or a short text such as 2026-05"],
  ])("is reported with what is allowed: %s → %s", (found, replacement, allowed) => {
    const problems = problemsOf(smallSpecWith(found, replacement));
    expect(problems[0]).toMatchObject({ code: "SPEC_TYPE_INVALID", allowed });
  });

  test("is reported with what was found, and where", () => {
    expect(problemOf("owner: platform", "owner: [1, 2]")).toEqual({
      code: "SPEC_TYPE_INVALID",
      path: "domino.datasets[0].owner",
      position: at(13, 30),
      message: "found [1,2]",
      allowed: "text",
    });
  });

  test("is shown in at most 80 characters", () => {
    expect(problemOf("stage: local", `stage: ${"x".repeat(78)}`)?.message).toBe(`found "${"x".repeat(78)}"`);
    expect(problemOf("stage: local", `stage: ${"x".repeat(79)}`)?.message).toBe(`found "${"x".repeat(76)}…`);
  });

  test("is a missing key with what it should be, at its parent", () => {
    expect(problemOf(", owner: platform", "")).toEqual({
      code: "SPEC_KEY_MISSING",
      path: "domino.datasets[0].owner",
      position: at(13, 7),
      message: "owner is missing",
      allowed: "text",
    });
  });

  test("is a planned value with what is allowed until then", () => {
    const problems = problemsOf(`${smallSpec}nodes: { provisioner: karpenter }\n`);
    expect(problems).toEqual([
      {
        code: "SPEC_KEY_NOT_YET_SUPPORTED",
        path: "nodes.provisioner",
        position: at(33, 23),
        message: '"karpenter" is planned but not supported in this version',
        allowed: "managed-node-groups",
      },
    ]);
  });

  test("is a planned key at the key, without keys to take instead", () => {
    expect(problemsOf(`${smallSpec}gateway: {}\n`)).toEqual([
      {
        code: "SPEC_KEY_NOT_YET_SUPPORTED",
        path: "gateway",
        position: at(33, 1),
        message: 'key "gateway" is planned but nothing acts on it in this version',
      },
    ]);
  });

  test("is every unknown key of a mapping", () => {
    expect(problemsOf(`${smallSpec}engins: 1\nxylophone: 2\n`)).toMatchObject([
      {
        code: "SPEC_KEY_UNKNOWN",
        path: "engins",
        message: 'key "engins" is not known; did you mean "engines"?',
      },
      { code: "SPEC_KEY_UNKNOWN", path: "xylophone", position: at(34, 1) },
    ]);
  });

  test("is, in a value of two forms, what is wrong in the form that was meant", () => {
    const storage = "storage: { dataset: models, path: models/pre-load }";
    expect(problemOf(storage, "storage: { dataset: models, path: 5 }")).toMatchObject({
      path: "engines[0].storage.path",
      message: "found 5",
      allowed: "text",
    });
    expect(problemOf(storage, "storage: { dataset: models }")).toMatchObject({
      code: "SPEC_KEY_MISSING",
      path: "engines[0].storage.path",
    });
    expect(problemOf(storage, "storage: { dataset: models, path: m, pth: m }")).toMatchObject({
      code: "SPEC_KEY_UNKNOWN",
      path: "engines[0].storage.pth",
      message: 'key "pth" is not known; did you mean "path"?',
      allowed: "dataset, path",
    });
  });

  test("is, in a value of two forms, all that is wrong in the form that was meant", () => {
    const storage = "storage: { dataset: models, path: models/pre-load }";
    expect(problemsOf(smallSpecWith(storage, "storage: { dataset: models, pth: m }"))).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: "engines[0].storage.path" },
      { code: "SPEC_KEY_UNKNOWN", path: "engines[0].storage.pth" },
    ]);
  });

  test("is, in a value of two forms, both forms where neither was meant", () => {
    const allowed =
      "{dataset, path}, s3://bucket/prefix, hf://organisation, pvc://claim/path, {fsx, path} or oci://image@digest";
    for (const other of ["https://acme", "5", "[a]"]) {
      expect(
        problemsOf(smallSpecWith("storage: s3://acme-models/llm", `storage: ${other}`))[0],
      ).toMatchObject({
        code: "SPEC_TYPE_INVALID",
        path: "engines[1].storage",
        allowed,
      });
    }
  });
});
