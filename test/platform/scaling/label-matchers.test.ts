import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelMatchers } from "../../../platform/scaling/label-matchers.ts";

/** What a PromQL string literal in double quotes stands for, as far as the writer uses its escapes. */
function unquoted(literal: string): string {
  return literal.replaceAll(/\\(["\\n])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

describe("label matchers", () => {
  test("compare one value and choose among several", () => {
    expect(labelMatchers({ namespace: "llm", model: ["b", "a"] })).toBe('{namespace="llm",model=~"a|b"}');
  });

  test("compare a list of one as that one, repeated or not", () => {
    expect(labelMatchers({ version: ["1", "1"] })).toBe('{version="1"}');
  });

  test("write dots of names so that they stand for themselves alone", () => {
    expect(labelMatchers({ model: ["llama-3.1", "x"] })).toBe('{model=~"llama-3\\\\.1|x"}');
  });

  test("match every value they were made of, and nothing else", () => {
    const name = fc.string({ minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 5 }), name, (values, other) => {
        const [, literal = ""] = /^\{model=~"(.*)"\}$/s.exec(labelMatchers({ model: values })) ?? [];
        // Prometheus anchors regular expressions at both ends.
        const pattern = new RegExp(`^(?:${unquoted(literal)})$`);
        for (const value of values) expect(pattern.test(value)).toBe(true);
        expect(pattern.test(other)).toBe(values.includes(other));
      }),
    );
  });

  test("are the same in whatever order the values come", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), (values) => {
        expect(labelMatchers({ model: values.toReversed() })).toBe(labelMatchers({ model: values }));
      }),
    );
  });
});
