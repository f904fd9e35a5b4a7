import { readFile, stat } from "node:fs/promises";

/** A file's content, or one sentence on why there is none. */
export type JsonFile =
  | { readonly ok: true; readonly content: unknown }
  | { readonly ok: false; readonly message: string; readonly allowed?: string };

/** Reads a JSON file of at most `maxBytes`. */
export async function readJsonFile(file: string, maxBytes: number): Promise<JsonFile> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) {
      return { ok: false, message: `${file} has ${size} bytes`, allowed: `at most ${maxBytes} bytes` };
    }
    return { ok: true, content: JSON.parse(await readFile(file, "utf8")) };
  } catch (error) {
    const reason =
      error instanceof SyntaxError
        ? `is not JSON: ${error.message}`
        : `cannot be read (${(error as NodeJS.ErrnoException).code ?? "unreadable"})`;
    return { ok: false, message: `${file} ${reason}` };
  }
}
