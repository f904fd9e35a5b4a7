/** Why a file of measurements cannot be used; rendered only where it is printed. */
export interface ImportProblem {
  readonly kind:
    | "too-large"
    /** Neither JSON nor a table, as a file that was cut off is. */
    | "malformed"
    /** Well-formed, and none of the formats that are read. */
    | "foreign"
    | "missing"
    | "invalid"
    | "unknown-unit"
    /** The run ended early, so that its means are those of its beginning. */
    | "cancelled"
    | "failed-requests"
    /** Rows of generation and of request/response models in one file. */
    | "mixed";
  /** Where in the file: a field such as `inter_token_latency.avg`, or `row 3, batch`. */
  readonly field?: string;
  /** The value as it stands, shortened. */
  readonly found?: string;
  readonly allowed: string;
}

/** Longest value that a problem repeats. */
const shownCharacters = 60;

export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
