/** What is wrong with one field of a `config.json`; rendered only where it is printed. */
export interface ConfigProblem {
  /** Name in the file, `quantization_config.bits` for a nested one. */
  readonly field: string;
  readonly kind: "missing" | "invalid" | "unsupported";
  /** The value as it stands, shortened; absent where there is none. */
  readonly found?: string;
  /** What would be accepted. */
  readonly allowed: string;
}

/** Larger than any dimension of any network, and small enough that products of three stay exact enough to compare. */
const largestDimension = 1e9;

/** Longest value that a problem repeats. */
const shownCharacters = 60;

/** Reads a config's fields under the names that the model families give them, and collects what is wrong. */
export class ConfigFields {
  readonly problems: ConfigProblem[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  /** The field's value as it is; a `null` counts as absent, as the files mean it. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    return typeof value === "string" ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    return typeof value === "boolean" ? value : undefined;
  }

  /** A whole number of at least `least` under the first of the names that is there; a problem where it is no such number. */
  count(names: readonly string[], fallback?: number, least = 1): number {
    const name = names.find((one) => this.has(one));
    if (name === undefined) {
      if (fallback === undefined) {
        this.problems.push({ field: names.join(" or "), kind: "missing", allowed: wholeFrom(least) });
      }
      return fallback ?? least;
    }
    const value = this.raw(name);
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= largestDimension) {
      return value;
    }
    this.problems.push({ field: name, kind: "invalid", found: shown(value), allowed: wholeFrom(least) });
    return fallback ?? least;
  }

  unsupported(field: string, allowed: string): void {
    this.problems.push({ field, kind: "unsupported", found: shown(this.raw(field)), allowed });
  }
}

/** An object of fields, not a list, or nothing. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function wholeFrom(least: number): string {
  return `a whole number from ${least} to ${largestDimension}`;
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
