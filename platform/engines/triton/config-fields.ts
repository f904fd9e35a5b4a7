/** The fields that a text in protobuf's text format begins at its top, as far as it can be read. */
export interface TopLevelFields {
  readonly fields: readonly string[];
  /** Why the text cannot be one. */
  readonly problem?: string;
}

const closing: Readonly<Record<string, string>> = { "{": "}", "[": "]", "<": ">" };

/** Comments and texts in quotes, which may hold anything, then names, brackets, and single other characters. */
const token = /#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|[-+.\w]+|\s+|[^]/gy;

/**
 * Finds what a text would set, without knowing the message. It reads enough to tell fields from values: Triton judges
 * the rest.
 */
export function topLevelFields(text: string): TopLevelFields {
  const fields: string[] = [];
  const open: string[] = [];
  let name: string | undefined;
  for (const [word] of text.matchAll(token)) {
    if (/^[\s#]/.test(word)) continue;
    if (open.length === 0 && name !== undefined && (word === ":" || word === "{" || word === "<")) {
      fields.push(name);
    }
    name = /^[A-Za-z_]/.test(word) ? word : undefined;
    if (closing[word] !== undefined) open.push(closing[word]);
    else if (word === "}" || word === "]" || word === ">") {
      if (open.pop() !== word) return { fields, problem: `a ${word} that nothing opens` };
    } else if (word === '"' || word === "'") return { fields, problem: "a text whose quotes are not closed" };
  }
  const missing = open.at(-1);
  return { fields, ...(missing === undefined ? {} : { problem: `no ${missing} at its end` }) };
}
