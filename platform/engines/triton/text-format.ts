/** A word of protobuf's text format that stands without quotes: a name of an enumeration. */
export interface EnumValue {
  readonly enumValue: string;
}

export type TextValue = string | number | boolean | EnumValue | TextMessage;

/** Fields in the order in which they are written; a repeated field occurs once for each of its values, or has a list. */
export type TextMessage = readonly (readonly [name: string, value: TextValue | readonly number[]])[];

export function enumValue(name: string): EnumValue {
  return { enumValue: name };
}

const indentation = "  ";

/** Writes a message in protobuf's text format, one field a line. */
export function textFormat(message: TextMessage, indent = ""): string {
  return message.map(([name, value]) => `${indent}${name}${written(value, indent)}\n`).join("");
}

function written(value: TextValue | readonly number[], indent: string): string {
  if (typeof value === "string") return `: ${quoted(value)}`;
  if (typeof value === "number") return `: ${whole(value)}`;
  if (typeof value === "boolean") return `: ${value}`;
  if ("enumValue" in value) return `: ${value.enumValue}`;
  if (isNumbers(value)) return `: [${value.map(whole).join(", ")}]`;
  if (value.length === 0) return " {}";
  return ` {\n${textFormat(value, indent + indentation)}${indent}}`;
}

/** An empty list is a message without fields. */
function isNumbers(value: readonly number[] | TextMessage): value is readonly number[] {
  return value.every((entry) => typeof entry === "number") && value.length > 0;
}

/** Beyond this JSON and JavaScript would have written another number than was meant. */
function whole(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
  return String(value);
}

const escapes: Readonly<Record<string, string>> = {
  '"': String.raw`\"`,
  "\\": String.raw`\\`,
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
};

/** Printable ASCII stays readable; every other byte of the text's UTF-8 becomes three octal digits. */
function quoted(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const body = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    const escape = escapes[character];
    if (escape !== undefined) return escape;
    return byte >= 0x20 && byte < 0x7f ? character : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${body.join("")}"`;
}
