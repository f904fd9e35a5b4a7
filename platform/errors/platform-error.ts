import { errorRegistry, type ErrorCode } from "./registry.ts";

/** Where in a file a problem lies; line and column start at 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong, with all that is needed to put it right. */
export interface Problem {
  readonly code: ErrorCode;
  /** What was found, in one sentence with the values; never a secret. */
  readonly message: string;
  readonly position?: SourcePosition;
  /** Path in the spec, such as `engines[0].models[1].traffic`. */
  readonly path?: string;
  /** What would be accepted. */
  readonly allowed?: string;
  /** More exact than the registry's remedy, where that is possible. */
  readonly remedy?: string;
}

/** The one error class that reaches a user: a list of problems, printed without a stack trace. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly [Problem, ...Problem[]] | readonly Problem[], options?: ErrorOptions) {
    super(problems.map(renderProblem).join("\n"), options);
    this.problems = problems;
  }

  /** Code of the first problem. */
  get code(): ErrorCode {
    return this.problems[0]?.code ?? "SPEC_VALUE_CONFLICT";
  }

  /**
   * Recognises errors across copies of the package, where `instanceof` fails.
   */
  static is(error: unknown): error is PlatformError {
    return error instanceof Error && error.name === "PlatformError" && "problems" in error;
  }
}

/** Renders a problem as `file:line:column CODE path: message`, followed by what is allowed and the remedy. */
export function renderProblem(problem: Problem): string {
  const place = problem.position
    ? `${problem.position.file}:${problem.position.line}:${problem.position.column} `
    : "";
  const path = problem.path ? `${problem.path}: ` : "";
  const lines = [`${place}${problem.code} ${path}${problem.message}`];
  if (problem.allowed) lines.push(`    allowed: ${problem.allowed}`);
  lines.push(`    remedy: ${problem.remedy ?? errorRegistry[problem.code].remedy}`);
  return lines.join("\n");
}
