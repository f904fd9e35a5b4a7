import type { Random } from "../../../../optimizer/simulation/random.ts";
import { chance, integer, pick } from "./fuzz-case.ts";

const strings = [
  '""',
  '"a"',
  '"\\u0061\\n\\"\\\\"',
  '"\\ud83d\\ude00"',
  '"\\ud800"',
  '"ünïcødé 😀"',
  '"]}{[,:"',
  '"\\\\\\""',
] as const;
const scalars = [
  "0",
  "-0",
  "1e308",
  "1E-7",
  "9007199254740993",
  "123456789012345678901234567890",
  "0.1",
  "true",
  "false",
  "null",
] as const;
const spaces = ["", "", "", " ", "\n", "\t", "\r\n  "] as const;

/** Valid JSON in all its forms: numbers that doubles do not hold, escapes, white space, nesting. */
export function jsonValue(random: Random, depth = 4): string {
  const form = random();
  if (depth === 0 || form < 0.35) return pick(random, scalars);
  if (form < 0.55) return pick(random, strings);
  const count = integer(random, 5);
  if (form < 0.75) {
    return `[${space(random)}${Array.from({ length: count }, () => jsonValue(random, depth - 1) + space(random)).join(",")}]`;
  }
  return jsonObject(random, depth, count);
}

export function jsonObject(random: Random, depth = 4, count = integer(random, 5)): string {
  const members = Array.from(
    { length: count },
    () => `${pick(random, strings)}${space(random)}:${space(random)}${jsonValue(random, depth - 1)}`,
  );
  return `{${space(random)}${members.join(`,${space(random)}`)}${space(random)}}`;
}

export function space(random: Random): string {
  return pick(random, spaces);
}

/** The key with some of its characters written as escapes: the same key to every JSON parser. */
export function escapedKey(random: Random, key: string): string {
  const at = integer(random, key.length);
  return [...key]
    .map((char, index) =>
      index === at || chance(random, 0.2) ? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}` : char,
    )
    .join("");
}
