/** Printable ASCII without the quotation mark and the backslash: what stands in JSON as it is. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * A text as JSON of printable ASCII only: line separators other than the line feed, and characters that turn the
 * direction of writing, would let a name forge lines for whoever reads the log.
 */
export function jsonText(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
