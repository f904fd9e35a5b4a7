/**
 * Readers for a spec that may still be wrong: rules run on the raw document, so that one misspelt key does not hide
 * every other mistake of the file. What has the wrong type is skipped here; the schema reports it.
 */
export type Raw = Readonly<Record<string, unknown>>;

export function record(value: unknown): Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {};
}

/** The entries of a list that are mappings, with their index. */
export function records(value: unknown): readonly { readonly entry: Raw; readonly index: number }[] {
  return list(value).flatMap((entry, index) =>
    typeof entry === "object" && entry !== null && !Array.isArray(entry)
      ? [{ entry: entry as Raw, index }]
      : [],
  );
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Versions may be written as numbers. */
export function textOrNumber(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
