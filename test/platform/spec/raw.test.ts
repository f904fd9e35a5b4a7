import { describe, expect, test } from "vitest";
import { list, number, record, records, text, textOrNumber } from "../../../platform/spec/raw.ts";

const others = [undefined, null, "text", 5, true];

describe("a reader of a spec that may still be wrong", () => {
  test("takes mappings for mappings, and anything else for an empty one", () => {
    expect(record({ a: 1 })).toEqual({ a: 1 });
    for (const other of [...others, [{ a: 1 }]]) expect(record(other)).toEqual({});
  });

  test("takes lists for lists, and anything else for an empty one", () => {
    expect(list([1])).toEqual([1]);
    for (const other of [...others, { 0: 1, length: 1 }]) expect(list(other)).toEqual([]);
  });

  test("takes a list's mappings with their place in it", () => {
    expect(records([...others, { a: 1 }, [{ b: 2 }], { c: 3 }])).toEqual([
      { entry: { a: 1 }, index: 5 },
      { entry: { c: 3 }, index: 7 },
    ]);
    expect(records({ a: 1 })).toEqual([]);
  });

  test("takes texts, numbers, and either where both are meant", () => {
    expect([...others, {}].map(text)).toEqual([
      undefined,
      undefined,
      "text",
      undefined,
      undefined,
      undefined,
    ]);
    expect([...others, {}].map(number)).toEqual([undefined, undefined, undefined, 5, undefined, undefined]);
    expect([...others, {}].map(textOrNumber)).toEqual([
      undefined,
      undefined,
      "text",
      "5",
      undefined,
      undefined,
    ]);
  });
});
