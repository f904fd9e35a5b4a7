import fc from "fast-check";
import { expect, test } from "vitest";
import { enumValue, textFormat } from "../../../../platform/engines/triton/text-format.ts";
import { parseTextFormat } from "./text-format-parser.ts";

test("writes one field a line, messages indented, lists in brackets", () => {
  const text = textFormat([
    ["name", "bert"],
    ["flag", true],
    ["policy", [["specific", [["versions", [1, 3]]]]]],
    [
      "input",
      [
        ["data_type", enumValue("TYPE_INT64")],
        ["dims", [-1, 8]],
      ],
    ],
    ["input", []],
  ]);
  expect(text).toBe(`name: "bert"
flag: true
policy {
  specific {
    versions: [1, 3]
  }
}
input {
  data_type: TYPE_INT64
  dims: [-1, 8]
}
input {}
`);
});

test("keeps every text through quotes, line ends, control and other characters", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string());
  fc.assert(
    fc.property(
      text.filter((value) => value.isWellFormed()),
      (value) => {
        const written = textFormat([["field", value]]);
        // Whatever it was: one line of ASCII, which no parser and no editor reads in another way.
        expect(written).toMatch(/^field: "[\x20-\x7e]*"\n$/);
        expect(parseTextFormat(written)).toEqual({ field: [{ text: value }] });
      },
    ),
  );
});

test("ends an octal escape before digits that are meant as digits", () => {
  expect(textFormat([["field", "\u00071"]])).toBe('field: "\\0071"\n');
});

test("refuses numbers that a file would not hold as they are", () => {
  for (const value of [0.5, Number.NaN, 2 ** 60]) {
    expect(() => textFormat([["count", value]])).toThrow(RangeError);
  }
});
