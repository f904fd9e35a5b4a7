import { expect, test } from "vitest";
import { topLevelFields } from "../../../../platform/engines/triton/config-fields.ts";

test("finds the fields at the top, in every form that text format has for them", () => {
  const text = `
    # name: "in a comment"
    optimization { cuda { graphs: true } input: [1, 2] }
    response_cache: { enable: true },
    metric_tags < key: "backend: none" value: 'a "b" {' >
    default_model_filename: "a.onnx" "b # no comment"; runtime: 'x\\'y'
  `;
  expect(topLevelFields(text)).toEqual({
    fields: ["optimization", "response_cache", "metric_tags", "default_model_filename", "runtime"],
  });
});

test("takes values for values, also where they are words", () => {
  expect(topLevelFields("priority: PRIORITY_MAX\nlevels: -1 graphs: true").fields).toEqual([
    "priority",
    "levels",
    "graphs",
  ]);
});

test.each([
  ["optimization { cuda {", "no } at its end"],
  ["optimization { cuda ]", "a ] that nothing opens"],
  ["optimization }", "a } that nothing opens"],
  ['name: "never ends', "a text whose quotes are not closed"],
  ['name: "over\nlines"', "a text whose quotes are not closed"],
  ["dims: [1, 2", "no ] at its end"],
])("says why %s cannot be read", (text, problem) => {
  expect(topLevelFields(text).problem).toBe(problem);
});

test("finds nothing in nothing", () => {
  expect(topLevelFields("  # only a comment")).toEqual({ fields: [] });
});
