/** What `predict` and `simulate` are asked: replicas, each with the load it gets. */
import { z } from "zod";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { readJsonFile } from "../json-file.ts";

const milliseconds = z.number().min(0).max(1e9);

/** Further fields are the caller's own and left alone. */
const questionSchema = z.object({
  id: z.union([z.string().min(1).max(200), z.number()]).transform(String),
  alpha: milliseconds,
  beta: milliseconds,
  gamma: milliseconds,
  delta: milliseconds,
  maxBatchSize: z.int().min(1).max(100_000),
  maxBatchedTokens: z.int().min(1).max(1e9).default(8192),
  inputTokens: z.number().min(0).max(1e7),
  outputTokens: z.number().min(1).max(1e7),
  outputDistribution: z.enum(["geometric", "fixed"]).default("geometric"),
  ratePerSecond: z.number().min(0).max(1e9),
  model: z.enum(["continuous-batching", "inferno"]).default("continuous-batching"),
});

/** One replica and its load; times in ms, lengths in tokens. */
export type Question = z.output<typeof questionSchema>;

/** A million questions of a usual length. */
const maxInputBytes = 256 * 1024 * 1024;

/** Problems that are printed: a file that is wrong throughout says the same thing over and over. */
const listedProblems = 20;

/**
 * Reads an array of questions.
 *
 * @throws PlatformError PREDICT_INPUT_INVALID with what is wrong with each of the first questions that are.
 */
export async function readQuestions(file: string): Promise<readonly Question[]> {
  const read = await readJsonFile(file, maxInputBytes);
  if (!read.ok) {
    const { message, allowed = "a file with a JSON array" } = read;
    throw invalid([{ path: "", message, allowed }]);
  }
  const raw = read.content;
  if (!Array.isArray(raw)) {
    throw invalid([{ path: "", message: `${file} holds no array`, allowed: "an array of objects" }]);
  }
  const problems: InputProblem[] = [];
  const questions: Question[] = [];
  const positions = new Map<string, number>();
  for (const [index, entry] of raw.entries()) {
    if (problems.length >= listedProblems) break;
    const parsed = questionSchema.safeParse(entry);
    if (parsed.success) {
      const { id } = parsed.data;
      const first = positions.get(id);
      if (first === undefined) positions.set(id, index);
      else problems.push({ path: `[${index}].id`, message: `"${id}" is also the id of [${first}]` });
      questions.push(parsed.data);
    } else {
      problems.push(...parsed.error.issues.map((issue) => problemOf(issue, index, entry)));
    }
  }
  if (problems.length > 0) throw invalid(problems.slice(0, listedProblems));
  return questions;
}

type InputProblem = Omit<Problem, "code">;

function invalid(problems: readonly InputProblem[]): PlatformError {
  return new PlatformError(
    problems.map((problem): Problem => ({ code: "PREDICT_INPUT_INVALID", ...problem })),
  );
}

function problemOf(issue: z.core.$ZodIssue, index: number, entry: unknown): InputProblem {
  const path = [`[${index}]`, ...issue.path.map((part) => `.${String(part)}`)].join("");
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    entry,
  );
  const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 80);
  return { path, message: `found ${shown}`, allowed: issue.message };
}
