/** A message of protobuf's text format: every field as often as it occurs. */
export interface ParsedMessage {
  readonly [field: string]: readonly ParsedValue[];
}

/** Text comes as bytes would: decoded from UTF-8. Words without quotes (numbers, enumerations) stay as they are. */
export type ParsedValue = { readonly text: string } | { readonly word: string } | ParsedMessage;

const token = /\s+|#[^\n]*|"((?:[^"\\\n]|\\[^])*)"|([A-Za-z0-9_+.-]+)|([{}[\]:,])/gy;

/** As much of a parser as the generated texts need, written from the format's definition and not from the writer. */
export function parseTextFormat(text: string): ParsedMessage {
  const tokens: { readonly kind: "text" | "word" | "sign"; readonly value: string }[] = [];
  let end = 0;
  for (const match of text.matchAll(token)) {
    end = match.index + match[0].length;
    if (match[1] !== undefined) tokens.push({ kind: "text", value: match[1] });
    else if (match[2] !== undefined) tokens.push({ kind: "word", value: match[2] });
    else if (match[3] !== undefined) tokens.push({ kind: "sign", value: match[3] });
  }
  if (end !== text.length) throw new Error(`cannot read from ${end}: ${text.slice(end, end + 40)}`);
  let next = 0;
  const sign = (value: string) => tokens[next]?.kind === "sign" && tokens[next]?.value === value;
  const value = (): ParsedValue => {
    const found = tokens[next++];
    if (found?.kind === "text") return { text: unescaped(found.value) };
    if (found?.kind === "word") return { word: found.value };
    throw new Error(`expected a value, found ${found?.value ?? "the end"}`);
  };
  const message = (closing: string | undefined): ParsedMessage => {
    const fields: Record<string, ParsedValue[]> = {};
    while (closing === undefined ? next < tokens.length : !sign(closing)) {
      const name = tokens[next++];
      if (name?.kind !== "word") throw new Error(`expected a field, found ${name?.value ?? "the end"}`);
      const values = (fields[name.value] ??= []);
      if (sign(":")) {
        next++;
        if (sign("[")) {
          do {
            next++;
            values.push(value());
          } while (sign(","));
          if (!sign("]")) throw new Error("a list does not end");
          next++;
          continue;
        }
        if (!sign("{")) {
          values.push(value());
          continue;
        }
      }
      if (!sign("{")) throw new Error(`${name.value} has no value`);
      next++;
      values.push(message("}"));
      next++;
    }
    return fields;
  };
  return message(undefined);
}

const short: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '"': 34, "\\": 92 };

function unescaped(body: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < body.length; at++) {
    if (body[at] !== "\\") {
      const code = body.charCodeAt(at);
      if (code > 126 || code < 32) throw new Error(`a raw character ${code} in a text`);
      bytes.push(code);
      continue;
    }
    const octal = /^[0-7]{1,3}/.exec(body.slice(at + 1))?.[0];
    if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8));
      at += octal.length;
      continue;
    }
    const byte = short[body[at + 1] ?? ""];
    if (byte === undefined) throw new Error(`an unknown escape \\${body[at + 1] ?? ""}`);
    bytes.push(byte);
    at++;
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}
