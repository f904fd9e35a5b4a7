import { mkdtempSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderProblem } from "../../../platform/errors/platform-error.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { parsed, problemsOf, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spec-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a valid spec", () => {
  test("has durations in ms, rates per minute and versions as text", () => {
    const [tabular] = parsed(smallSpec).engines;
    const [bert] = tabular?.models ?? [];
    expect(bert?.version).toBe("3");
    expect(bert?.traffic[0]?.slo?.latencyP95).toBe(50);
    expect(bert?.traffic.map((traffic) => traffic.load.rate)).toEqual([600, 60]);
  });

  test.each(["dev", "test", "prod", "local"])("is what stacks/%s.yaml is", async (stack) => {
    const spec = await loadSpec(`stacks/${stack}.yaml`);
    expect(spec.metadata.stage).toBe(stack);
  });
});

describe("a file that cannot be read", () => {
  test("is reported as SPEC_FILE_NOT_FOUND where it does not exist", async () => {
    await expect(loadSpec(join(folder, "none.yaml"))).rejects.toMatchObject({
      problems: [
        { code: "SPEC_FILE_NOT_FOUND", message: `cannot read ${join(folder, "none.yaml")} (ENOENT)` },
      ],
    });
  });

  test("is reported as SPEC_FILE_NOT_FOUND where it is a folder", async () => {
    await expect(loadSpec(folder)).rejects.toMatchObject({
      problems: [{ code: "SPEC_FILE_NOT_FOUND", message: `cannot read ${folder} (EISDIR)` }],
      cause: { code: "EISDIR" },
    });
  });

  test("is reported as SPEC_TOO_LARGE above 1 MiB", async () => {
    const file = join(folder, "large.yaml");
    writeFileSync(file, `# ${"x".repeat(1024 * 1024)}`);
    await expect(loadSpec(file)).rejects.toMatchObject({
      problems: [
        {
          code: "SPEC_TOO_LARGE",
          message: `${file} has ${1024 * 1024 + 2} bytes`,
          allowed: `${1024 * 1024} bytes`,
        },
      ],
    });
  });

  test("is read up to exactly 1 MiB", async () => {
    const file = join(folder, "largest.yaml");
    writeFileSync(file, `${smallSpec}#${"x".repeat(1024 * 1024 - smallSpec.length - 1)}`);
    expect((await loadSpec(file)).metadata.name).toBe("small");
  });

  test("is reported as SPEC_YAML_INVALID with its position where the YAML is broken", () => {
    const problems = problemsOf(smallSpecWith("  stage: local", "  stage: [local"));
    expect(problems[0]).toMatchObject({
      code: "SPEC_YAML_INVALID",
      message: expect.stringMatching(/^Flow sequence in block collection .+[^:]$/),
      position: { file: "small.yaml", line: 6 },
    });
  });

  test("is refused where aliases would unfold without bound", () => {
    const bomb = [
      "a: &a [x, x]",
      ...[..."bcdefghi"].map((name, index) => {
        const before = "abcdefghi"[index];
        return `${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`;
      }),
    ].join("\n");
    expect(problemsOf(bomb)).toMatchObject([
      {
        code: "SPEC_YAML_INVALID",
        message: expect.stringContaining("alias"),
        position: { file: "small.yaml", line: 1, column: 1 },
      },
    ]);
  });

  test("is refused where it is binary or holds several documents, in words about the file", () => {
    expect(problemsOf("\u007fELF\0\0")).toMatchObject([
      { code: "SPEC_YAML_INVALID", message: "small.yaml is not a text file" },
    ]);
    expect(problemsOf(`${smallSpec}---\na: 1\n`)).toMatchObject([
      { code: "SPEC_YAML_INVALID", message: "the file holds several documents, a spec is one" },
    ]);
  });

  test("is refused where a key stands twice", () => {
    expect(
      problemsOf(smallSpecWith('catalog: "2026-11"', 'catalog: "2026-11"\ncatalog: "2026-10"'))[0],
    ).toMatchObject({
      code: "SPEC_YAML_INVALID",
      position: { line: 7 },
    });
  });

  test.each(["", "- a\n- b\n", "just text", "null"])("is refused where it is no mapping: %j", (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });
});

describe("a wrong value", () => {
  test("is reported with file, line, column, path, found, allowed and remedy", () => {
    const [problem] = problemsOf(smallSpecWith("latencyP95: 50ms", "latencyP95: 50"));
    expect(problem && renderProblem(problem)).toBe(
      "small.yaml:22:57 SPEC_TYPE_INVALID engines[0].models[0].traffic[0].slo.latencyP95: found 50\n" +
        "    allowed: a duration with its unit (ms, s, min, h), such as 250ms\n" +
        "    remedy: Write the value in the form that is listed as allowed.",
    );
  });

  test.each([
    ["rate: 600/min", "rate: 600", "engines[0].models[0].traffic[0].load.rate"],
    ["rate: 600/min", "rate: -1/min", "engines[0].models[0].traffic[0].load.rate"],
    ["stage: local", "stage: staging", "metadata.stage"],
    ["name: small", "name: Small", "metadata.name"],
    ["inputTokens: 512", "inputTokens: 0.5", "engines[1].models[0].traffic[0].load.inputTokens"],
    ["path: models/pre-load", "path: ../models", "engines[0].storage.path"],
    ["storage: s3://acme-models/llm", "storage: https://acme", "engines[1].storage"],
    ["version: 3", "version: [3]", "engines[0].models[0].version"],
    [
      "  - { name: Premium, priority: 1 }",
      "  - { name: Premium, priority: 0 }",
      "serviceClasses[0].priority",
    ],
  ])("is reported as SPEC_TYPE_INVALID: %s → %s", (found, replacement, path) => {
    expect(problemsOf(smallSpecWith(found, replacement))).toMatchObject([
      { code: "SPEC_TYPE_INVALID", path },
    ]);
  });

  test.each([
    ["  - { name: Premium, priority: 1 }", "  - Premium", "a mapping"],
    ["use: [L4, H100-80G]", "use: L4", "a list"],
    ["use: [L4, H100-80G]", "use: []", "at least 1 entries"],
    ["inputTokens: 512", "inputTokens: many", "a number"],
    ["inputTokens: 512", "inputTokens: 100000000", "at most 10000000"],
  ])("says in YAML's words what is allowed: %s → %s", (found, replacement, allowed) => {
    expect(problemsOf(smallSpecWith(found, replacement))).toContainEqual(
      expect.objectContaining({ code: "SPEC_TYPE_INVALID", allowed }),
    );
  });

  test.each([
    ["rate: 600/min", "rate: 1000000000000/min"],
    ["rate: 600/min", `rate: ${"9".repeat(400)}/min`],
    ["latencyP95: 50ms", "latencyP95: 0ms"],
  ])("refuses what would plan without bound or sense: %s → %s", (found, replacement) => {
    expect(problemsOf(smallSpecWith(found, replacement))).toMatchObject([{ code: "SPEC_TYPE_INVALID" }]);
  });

  test("refuses images without an exact tag", () => {
    for (const image of ["nvcr.io/nvidia/tritonserver", "nvcr.io/nvidia/tritonserver:latest"]) {
      expect(problemsOf(smallSpecWith("type: triton", `type: triton\n    image: ${image}`))).toMatchObject([
        { code: "SPEC_TYPE_INVALID", path: "engines[0].image" },
      ]);
    }
    const pinned = `registry.example:5000/triton@sha256:${"a".repeat(64)}`;
    expect(problemsOf(smallSpecWith("type: triton", `type: triton\n    image: ${pinned}`))).toEqual([]);
  });
});

describe("a missing or unknown key", () => {
  test("is SPEC_KEY_MISSING with the position of its parent", () => {
    expect(problemsOf(smallSpecWith('catalog: "2026-11"\n', ""))).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: "catalog", message: "catalog is missing" },
    ]);
  });

  test("is SPEC_KEY_UNKNOWN at the key with the nearest known name and all allowed ones", () => {
    expect(problemsOf(smallSpecWith("type: triton\n", "type: triton\n    replica: 2\n"))).toMatchObject([
      {
        code: "SPEC_KEY_UNKNOWN",
        path: "engines[0].replica",
        message: 'key "replica" is not known; did you mean "replicas"?',
        allowed: expect.stringMatching(
          /^name, type, namespace, image, deployment, loading, unloading, dataPlane, storage, replicas, .*models$/,
        ),
        position: { line: 17, column: 5 },
      },
    ]);
  });

  test("gives no nearest name where nothing is near", () => {
    expect(problemsOf(`${smallSpec}xylophone: 1\n`)).toMatchObject([
      { message: 'key "xylophone" is not known' },
    ]);
  });

  test("is SPEC_KEY_NOT_YET_SUPPORTED where the key is planned", () => {
    for (const key of ["gateway", "benchmark"]) {
      expect(problemsOf(`${smallSpec}${key}: {}\n`)).toMatchObject([
        { code: "SPEC_KEY_NOT_YET_SUPPORTED", path: key },
      ]);
    }
    expect(problemsOf(smallSpecWith("type: vllm", "type: kserve"))).toMatchObject([
      { code: "SPEC_KEY_NOT_YET_SUPPORTED", path: "engines[1].type" },
    ]);
    expect(problemsOf(`${smallSpec}nodes: { provisioner: karpenter }\n`)).toMatchObject([
      { code: "SPEC_KEY_NOT_YET_SUPPORTED", path: "nodes.provisioner" },
    ]);
  });
});

test("all problems of a file are reported at once, in the order of the file", () => {
  const text = smallSpec
    .replace("stage: local", "stage: nowhere")
    .replace("use: [L4, H100-80G]", "use: [L4, H100-8OG]")
    .replace("type: vllm", "type: vlm")
    .replace("rate: 600/min", "rate: many")
    .replace("serviceClass: Premium\n", "serviceClass: Premier\n");
  expect(problemsOf(text).map((problem) => [problem.code, problem.path])).toEqual([
    ["SPEC_TYPE_INVALID", "metadata.stage"],
    ["SPEC_ACCELERATOR_UNKNOWN", "accelerators.use[1]"],
    ["SPEC_TYPE_INVALID", "engines[0].models[0].traffic[0].load.rate"],
    ["SPEC_ENGINE_UNKNOWN", "engines[1].type"],
    ["SPEC_REFERENCE_UNKNOWN", "engines[1].models[0].traffic[0].serviceClass"],
  ]);
});

test("problems of one line are reported from left to right, by schema and rules together", () => {
  const text = smallSpecWith(
    "- { serviceClass: Premium, slo: { latencyP95: 50ms }, load: { rate: 600/min } }",
    "- { serviceClass: Premier, slo: { ttftP95: 50ms, latencyP95: fast }, load: { rate: many, inputTokens: 5 } }",
  );
  expect(problemsOf(text).map(({ path, position }) => [path, position?.line])).toEqual([
    ["engines[0].models[0].traffic[0].serviceClass", 22],
    ["engines[0].models[0].traffic[0].slo.ttftP95", 22],
    ["engines[0].models[0].traffic[0].slo.latencyP95", 22],
    ["engines[0].models[0].traffic[0].load.rate", 22],
    ["engines[0].models[0].traffic[0].load.inputTokens", 22],
  ]);
});
