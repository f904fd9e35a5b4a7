import { readFileSync } from "node:fs";

export const page = readFileSync("docs/proxy.md", "utf8");

/** What stands below a heading, subsections included. */
export function section(heading: string): string {
  const [, text] = page.split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`docs/proxy.md has no section "${heading}"`);
  return text.split("\n## ")[0] ?? "";
}

/** Rows of the first table of a section without its head, cell by cell. `withColumn`: of the table that has it. */
export function rows(heading: string, withColumn?: string): readonly (readonly string[])[] {
  const tables = section(heading)
    .split(/\n(?!\|)/)
    .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(cellsOf));
  const table = tables.find(([head]) => withColumn === undefined || head?.includes(withColumn));
  return table?.slice(2) ?? [];
}

/** What stands in backquotes. */
export function quoted(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

/** Contents of the fenced blocks of a language. */
export function blocks(text: string, language: string): readonly string[] {
  const fences = text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm);
  return [...fences].flatMap(([, indent = "", found, body = ""]) =>
    found === language ? [body.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}

function cellsOf(line: string): readonly string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}
