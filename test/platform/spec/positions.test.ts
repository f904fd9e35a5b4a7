import { LineCounter, parseDocument } from "yaml";
import { describe, expect, test } from "vitest";
import { PositionFinder, renderPath } from "../../../platform/spec/positions.ts";

function finderOf(text: string): PositionFinder {
  const lines = new LineCounter();
  return new PositionFinder(parseDocument(text, { lineCounter: lines }), lines, "my.yaml");
}

describe("a path", () => {
  test.each([
    [[], ""],
    [["engines"], "engines"],
    [["engines", 0, "models", 12, "name"], "engines[0].models[12].name"],
    [[0, "name"], "[0].name"],
  ])("is written as in JavaScript: %j", (path, text) => {
    expect(renderPath(path)).toBe(text);
  });
});

describe("a position", () => {
  const finder = finderOf("engines:\n  - name: chat\n    models: [{ name: m }]\nlimits:\n  4: 5\n");
  const at = (line: number, column: number) => ({ file: "my.yaml", line, column });

  test("is that of the value at a path, through mappings and lists", () => {
    expect(finder.ofValue(["engines", 0, "name"])).toEqual(at(2, 11));
    expect(finder.ofValue(["engines", 0, "models", 0, "name"])).toEqual(at(3, 22));
  });

  test("is that of the nearest parent where the value does not exist", () => {
    expect(finder.ofValue(["engines", 0, "storage", "path"])).toEqual(at(2, 5));
    expect(finder.ofValue(["engines", 0, "name", "deeper"])).toEqual(at(2, 11));
    expect(finder.ofValue(["nowhere"])).toEqual(at(1, 1));
  });

  test("is that of the key where the key is what is wrong, also of one that is a number", () => {
    expect(finder.ofKey(["engines", 0, "name"])).toEqual(at(2, 5));
    expect(finder.ofKey(["limits", "4"])).toEqual(at(5, 3));
    expect(finder.ofKey(["limits"])).toEqual(at(4, 1));
  });

  test("of a key falls back to its value or parent where there is no such key", () => {
    expect(finder.ofKey(["engines", 0])).toEqual(at(2, 5));
    expect(finder.ofKey(["engines", 0, "storage"])).toEqual(at(2, 5));
    expect(finder.ofKey(["nowhere", "deep"])).toEqual(at(1, 1));
  });

  test("of an empty file is its beginning", () => {
    expect(finderOf("").ofValue(["engines"])).toEqual(at(1, 1));
    expect(finderOf("").ofKey(["engines"])).toEqual(at(1, 1));
    expect(finderOf("").atOffset(0)).toEqual(at(1, 1));
  });
});
