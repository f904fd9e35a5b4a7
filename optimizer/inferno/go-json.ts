/**
 * Reads JSON values as Go's encoding/json fills structs, because Inferno's data files are written for it: keys match
 * without regard to case, unknown keys are ignored, and what is absent or null keeps the zero value. Unlike Go, a
 * number must also be one that the field can mean: finite, and not negative where that makes no sense.
 */

/** One thing that is wrong in a document. */
export interface JsonProblem {
  readonly kind: "type" | "missing" | "duplicate";
  /** Keys as the document spells them, and positions in lists, from the root. */
  readonly path: readonly (string | number)[];
  /** What was found, for a message. */
  readonly found: string;
  /** What would be accepted. */
  readonly allowed: string;
}

/** Everything that is wrong, up to a limit. */
export class JsonProblems {
  /** A file with the same mistake in a million entries is understood after the first few. */
  static readonly limit = 50;
  readonly #problems: {
    kind: JsonProblem["kind"];
    path: (string | number)[];
    found: string;
    allowed: string;
  }[] = [];

  get all(): readonly JsonProblem[] {
    return this.#problems;
  }

  get count(): number {
    return this.#problems.length;
  }

  /** `step` is where the problem lies below the value that is being read; absent for the value itself. */
  add(kind: JsonProblem["kind"], found: string, allowed: string, step?: string | number): void {
    if (this.#problems.length >= JsonProblems.limit) return;
    this.#problems.push({ kind, path: step === undefined ? [] : [step], found, allowed });
  }

  /** Puts the problems from the `first` on below `step`: paths are built only where something is wrong. */
  nest(first: number, step: string | number): void {
    for (const problem of this.#problems.slice(first)) problem.path.unshift(step);
  }
}

/** How one kind of value is read. */
export interface Field<T> {
  /** The value where the key is absent or null; undefined where that is a problem. */
  readonly absent: T | undefined;
  read(value: unknown, problems: JsonProblems): T;
}

export const text: Field<string> = {
  absent: "",
  read: (value, problems) => {
    if (typeof value === "string") return value;
    problems.add("type", shown(value), "a text");
    return "";
  },
};

/** A text that identifies its entry and so cannot be left out. */
export const name: Field<string> = {
  absent: undefined,
  read: (value, problems) => {
    if (value === "") problems.add("missing", `""`, "a name");
    return text.read(value, problems);
  },
};

export const flag: Field<boolean> = {
  absent: false,
  read: (value, problems) => {
    if (typeof value === "boolean") return value;
    problems.add("type", shown(value), "true or false");
    return false;
  },
};

/** Largest single-precision number, in which the peer holds amounts; what is computed from them never overflows here. */
const largestAmount = (2 - 2 ** -23) * 2 ** 127;

/** 0 or more. */
export const amount: Field<number> = {
  absent: 0,
  read: (value, problems) => {
    if (typeof value === "number" && value >= 0 && value <= largestAmount) return value;
    problems.add("type", shown(value), "a number, 0 to 3.4e38");
    return 0;
  },
};

/** A whole number, 0 or more. */
export const count: Field<number> = {
  absent: 0,
  read: (value, problems) => {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    problems.add("type", shown(value), `a whole number, 0 to ${Number.MAX_SAFE_INTEGER}`);
    return 0;
  },
};

/** A whole number of any sign. */
export const whole: Field<number> = {
  absent: 0,
  read: (value, problems) => {
    if (Number.isSafeInteger(value)) return value as number;
    problems.add("type", shown(value), "a whole number");
    return 0;
  },
};

export function list<T>(entry: Field<T>): Field<readonly T[]> {
  return {
    absent: [],
    read: (value, problems) => {
      if (!Array.isArray(value)) {
        problems.add("type", shown(value), "a list");
        return [];
      }
      return value.map((item: unknown, index) => {
        const first = problems.count;
        // Go leaves the zero value where a list holds null; that is an entry without anything it needs.
        const read = entry.read(item ?? {}, problems);
        if (problems.count > first) problems.nest(first, index);
        return read;
      });
    },
  };
}

/** Where two keys differ only in case, the later one counts, as in Go. */
export function record<T extends object>(fields: { readonly [K in keyof T]: Field<T[K]> }): Field<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const byFoldedKey = new Map(names.map((key) => [key.toLowerCase(), key]));
  const zero = Object.fromEntries(names.map((key) => [key, fields[key].absent])) as T;
  const required = names.filter((key) => fields[key].absent === undefined);
  return {
    absent: required.length === 0 ? zero : undefined,
    read: (value, problems) => {
      const result = { ...zero };
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        problems.add("type", shown(value), "an object");
        return result;
      }
      for (const key in value) {
        const inner: unknown = (value as Readonly<Record<string, unknown>>)[key];
        const field = byFoldedKey.get(key) ?? byFoldedKey.get(key.toLowerCase());
        if (field === undefined || inner === null) continue;
        const first = problems.count;
        result[field] = fields[field].read(inner, problems);
        if (problems.count > first) problems.nest(first, key);
      }
      for (const key of required) {
        if (result[key] === undefined) problems.add("missing", `no ${key}`, `the key ${key}`);
      }
      return result;
    },
  };
}

/** A field whose key in the document is not a name that reads well in the program. */
export function renamed<T extends object, U extends object>(
  field: Field<T>,
  rename: (value: T) => U,
): Field<U> {
  return {
    absent: field.absent === undefined ? undefined : rename(field.absent),
    read: (value, problems) => rename(field.read(value, problems)),
  };
}

const longestShown = 40;

function shown(value: unknown): string {
  const written = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return written.length > longestShown ? `${written.slice(0, longestShown)}…` : written;
}
