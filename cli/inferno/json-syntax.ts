/** What may come next. */
type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | ", or the end";

const space = /[ \t\r\n]*/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*"/y;
const scalar = new RegExp(
  `${string.source}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null`,
  "y",
);

/**
 * Where a text stops being JSON: the offset of the first token that cannot stand there, or the text's end. JSON.parse
 * tells this for some mistakes only.
 */
export function syntaxErrorOffset(text: string): number {
  let offset = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const taken = pattern.exec(text)?.[0].length ?? 0;
    offset += taken;
    return taken > 0;
  };
  const closers: string[] = [];
  let expected: Expected = "value";
  for (;;) {
    take(space);
    const character = text[offset];
    if (expected.startsWith("value") && (character === "[" || character === "{")) {
      closers.push(character === "[" ? "]" : "}");
      expected = character === "[" ? "value or ]" : "key or }";
      offset++;
    } else if (expected.startsWith("value") && take(scalar)) {
      expected = ", or the end";
    } else if (expected.startsWith("key") && take(string)) {
      expected = ":";
    } else if (expected === ":" && character === ":") {
      expected = "value";
      offset++;
    } else if (expected === ", or the end" && character === "," && closers.length > 0) {
      expected = closers.at(-1) === "]" ? "value" : "key";
      offset++;
    } else if (character !== undefined && character === closers.at(-1) && expected.includes("or")) {
      closers.pop();
      expected = ", or the end";
      offset++;
    } else {
      return offset;
    }
  }
}
