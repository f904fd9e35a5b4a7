import fc from "fast-check";
import { expect, test } from "vitest";
import { syntaxErrorOffset } from "../../../cli/inferno/json-syntax.ts";

test.each([
  [`{"a": [1,]}`, 9],
  [`{"a": 1,}`, 8],
  [`{"a" 1}`, 5],
  [`{a: 1}`, 1],
  [`{'a': 1}`, 1],
  [`[1 2]`, 3],
  [`[1}`, 2],
  [`[NaN]`, 1],
  [`[01]`, 2],
  [`["a\nb"]`, 1],
  [`["\\x"]`, 1],
  [`[1, `, 4],
  [``, 0],
  [`{} {}`, 3],
  [`1,`, 1],
])("%j stops being JSON at %i", (text, offset) => {
  expect(() => JSON.parse(text) as unknown).toThrow();
  expect(syntaxErrorOffset(text)).toBe(offset);
});

test("JSON is JSON up to its end, however it is indented", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(syntaxErrorOffset(text)).toBe(text.length);
    }),
  );
});

test("a text that JSON.parse refuses stops being JSON before its end, or is cut off", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.nat(),
      fc.constantFrom("", ",", "]", '"', "x", "0"),
      (value, at, inserted) => {
        const text = JSON.stringify(value);
        const place = at % (text.length + 1);
        const changed = text.slice(0, place) + inserted + (inserted ? text.slice(place) : "");
        let isJson = true;
        try {
          JSON.parse(changed);
        } catch {
          isJson = false;
        }
        const offset = syntaxErrorOffset(changed);
        expect(offset).toBeLessThanOrEqual(changed.length);
        if (isJson) expect(offset).toBe(changed.length);
        else if (inserted) expect(offset).toBeLessThanOrEqual(changed.length);
      },
    ),
  );
});
