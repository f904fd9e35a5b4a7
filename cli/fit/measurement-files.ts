import { readFile, stat } from "node:fs/promises";
import type { MeasuredBatch, MeasuredPoint } from "../../optimizer/profiles/measured-point.ts";
import { mostCharacters, readMeasurements } from "../../optimizer/profiles/measurements/measurement-file.ts";
import type { ImportProblem } from "../../optimizer/profiles/measurements/import-problem.ts";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";

/** All measurements of the files that were given, with the file that each comes from. */
export type Measurements =
  | {
      readonly task: "generation";
      readonly points: readonly MeasuredPoint[];
      readonly files: readonly string[];
    }
  | {
      readonly task: "request-response";
      readonly points: readonly MeasuredBatch[];
      readonly files: readonly string[];
    };

/** Problems that are printed of one file: a table that is wrong throughout says the same thing over and over. */
const listedProblems = 20;

/**
 * Reads the files; `FILE@16` says that 16 requests were in flight.
 *
 * @throws PlatformError with what is wrong with each of them: FIT_FILE_UNREADABLE, FIT_MEASUREMENT_INVALID.
 */
export async function readMeasurementFiles(names: readonly string[]): Promise<Measurements> {
  const problems: Problem[] = [];
  const points: MeasuredPoint[] = [];
  const pointFiles: string[] = [];
  const batches: MeasuredBatch[] = [];
  const batchFiles: string[] = [];
  for (const name of names) {
    const { file, concurrency } = fileOf(name);
    const text = await textOf(file);
    if (typeof text !== "string") {
      problems.push(text);
      continue;
    }
    const read = readMeasurements(text, concurrency);
    if (!read.ok) {
      problems.push(...read.problems.slice(0, listedProblems).map((problem) => worded(file, problem)));
    } else if (read.task === "generation") {
      points.push(...read.points);
      pointFiles.push(...read.points.map(() => file));
    } else {
      batches.push(...read.batches);
      batchFiles.push(...read.batches.map(() => file));
    }
  }
  if (points.length > 0 && batches.length > 0) {
    problems.push({
      code: "FIT_MEASUREMENT_INVALID",
      message: `the files hold ${points.length} points of a generation model and ${batches.length} of a request/response model`,
      allowed: "measurements of one model",
    });
  }
  if (problems.length > 0) throw new PlatformError(problems);
  return batches.length > 0
    ? { task: "request-response", points: batches, files: batchFiles }
    : { task: "generation", points, files: pointFiles };
}

function fileOf(name: string): { readonly file: string; readonly concurrency?: number } {
  const [, file, digits] = /^(.+)@(\d{1,6})$/.exec(name) ?? [];
  const concurrency = Number(digits);
  return file !== undefined && concurrency >= 1 ? { file, concurrency } : { file: name };
}

async function textOf(file: string): Promise<string | Problem> {
  try {
    const { size } = await stat(file);
    if (size > mostCharacters) {
      return worded(file, {
        kind: "too-large",
        found: `${size} bytes`,
        allowed: `at most ${mostCharacters} bytes`,
      });
    }
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return { code: "FIT_FILE_UNREADABLE", message: `cannot read ${file} (${reason})` };
  }
}

const wordings: Readonly<Record<ImportProblem["kind"], string>> = {
  "too-large": "is too large",
  malformed: "is cut off or not well-formed",
  foreign: "has none of the formats that are read",
  missing: "lacks a value",
  invalid: "has a value that is none",
  "unknown-unit": "states an unknown unit",
  cancelled: "is of a run that was cancelled",
  "failed-requests": "is of a run with too many failed requests",
  mixed: "holds measurements of two kinds of model",
};

function worded(file: string, { kind, field, found, allowed }: ImportProblem): Problem {
  const what = [field, found].filter((part) => part !== undefined).join(": ");
  return {
    code: "FIT_MEASUREMENT_INVALID",
    message: `${file} ${wordings[kind]}${what === "" ? "" : ` (${what})`}`,
    allowed,
  };
}
