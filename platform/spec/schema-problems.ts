import type { z } from "zod";
import type { Problem } from "../errors/platform-error.ts";
import { unknownName } from "./nearest.ts";
import { isPlannedKey, isPlannedValue } from "./planned.ts";
import { renderPath, type PositionFinder, type SpecPath } from "./positions.ts";
import { platformSpecJsonSchema, propertiesAt } from "./json-schema.ts";

type Issue = z.core.$ZodIssue;

/** Turns what zod found into problems with position, what was found, what is allowed and a stable code. */
export function schemaProblems(error: z.ZodError, raw: unknown, positions: PositionFinder): Problem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, raw, positions));
}

function problemsOf(issue: Issue, raw: unknown, positions: PositionFinder): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...issue.path, key], positions));
  }
  const path: SpecPath = issue.path;
  const found = valueAt(raw, path);
  const common = { path: renderPath(path), position: positions.ofValue(path) };
  if (found === undefined) {
    return [
      {
        ...common,
        code: "SPEC_KEY_MISSING",
        message: `${String(path.at(-1))} is missing`,
        ...allowedFrom(issue),
      },
    ];
  }
  if (isPlannedValue(path, found)) {
    return [
      {
        ...common,
        code: "SPEC_KEY_NOT_YET_SUPPORTED",
        message: `${show(found)} is planned but not supported in this version`,
        ...allowedFrom(issue),
      },
    ];
  }
  if (issue.code === "invalid_union") {
    // The branch whose form fits best tells more than "no branch matched".
    const [branch] = issue.errors
      .filter((issues) => issues.every((inner) => !isMismatchAtRoot(inner)))
      .toSorted((left, right) => unknownKeys(left) - unknownKeys(right) || left.length - right.length);
    if (branch) {
      return branch.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] } as Issue, raw, positions),
      );
    }
  }
  return [{ ...common, code: "SPEC_TYPE_INVALID", message: `found ${show(found)}`, ...allowedFrom(issue) }];
}

/** A form that does not have the keys that were written is not the one that was meant. */
function unknownKeys(issues: readonly Issue[]): number {
  return issues.reduce(
    (sum, issue) =>
      sum + (issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys.length : 0),
    0,
  );
}

/** Another type, or another word where one is expected: such a branch was not meant. */
function isMismatchAtRoot({ path, code }: Issue): boolean {
  return path.length === 0 && (code === "invalid_type" || code === "invalid_value");
}

function unknownKey(path: SpecPath, positions: PositionFinder): Problem {
  const key = String(path.at(-1));
  const common = { path: renderPath(path), position: positions.ofKey(path) };
  if (isPlannedKey(path)) {
    return {
      ...common,
      code: "SPEC_KEY_NOT_YET_SUPPORTED",
      message: `key "${key}" is planned but nothing acts on it in this version`,
    };
  }
  const keys = propertiesAt(platformSpecJsonSchema, path.slice(0, -1));
  return {
    ...common,
    code: "SPEC_KEY_UNKNOWN",
    message: unknownName("key", key, keys),
    allowed: keys.join(", "),
  };
}

function allowedFrom(issue: Issue): { allowed: string } {
  if (issue.code === "invalid_value")
    return { allowed: issue.values.map((value) => String(value)).join(", ") };
  if (issue.code === "invalid_type") {
    const written = issue.message.startsWith("expected ")
      ? issue.message.slice("expected ".length)
      : undefined;
    return { allowed: written ?? typeNames[issue.expected] ?? issue.expected };
  }
  if (issue.code === "too_small" && issue.origin === "array")
    return { allowed: `at least ${issue.minimum} entries` };
  if (issue.code === "too_small") {
    return { allowed: issue.inclusive === false ? `above ${issue.minimum}` : `at least ${issue.minimum}` };
  }
  if (issue.code === "too_big" && !issue.message.startsWith("expected "))
    return { allowed: `at most ${issue.maximum}` };
  return { allowed: issue.message.replace(/^(Invalid input: )?expected /, "") };
}

function valueAt(raw: unknown, path: SpecPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    raw,
  );
}

/** YAML's words for what the schema expects. */
const typeNames: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
};

/** A found value, short enough for one line. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
