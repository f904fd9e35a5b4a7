const space = 0x20;
const tab = 0x09;

/** What a field value may hold: no control character but the tab, and above all no line end. */
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The value of a header line from `start` to `end`, without the white space around it; undefined where it is not valid.
 * `trim` of a text would also take away line ends and the no-break space, which HTTP does not know as white space.
 */
export function headerValue(text: string, start: number, end: number): string | undefined {
  let from = start;
  let to = end;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  const value = text.slice(from, to);
  return valuePattern.test(value) ? value : undefined;
}

function isSpace(code: number): boolean {
  return code === space || code === tab;
}
