/** Inferno's data files on disk: a folder of six, or one with all. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { JsonProblem } from "../../optimizer/inferno/go-json.ts";
import type { InfernoSystem } from "../../optimizer/inferno/inferno-system.ts";
import {
  readInfernoDocument,
  readInfernoFiles,
  type InfernoFiles,
} from "../../optimizer/inferno/read-system.ts";
import type { ErrorCode } from "../../platform/errors/registry.ts";
import { PlatformError, type Problem, type SourcePosition } from "../../platform/errors/platform-error.ts";
import { PositionFinder, renderPath } from "../../platform/spec/positions.ts";
import { syntaxErrorOffset } from "./json-syntax.ts";

const fileNames = {
  acceleratorData: "accelerator-data.json",
  modelData: "model-data.json",
  serviceClassData: "serviceclass-data.json",
  serverData: "server-data.json",
  capacityData: "capacity-data.json",
  optimizerData: "optimizer-data.json",
} as const satisfies Record<keyof InfernoFiles, string>;

/** Without counts nothing has capacity, and without options their defaults hold. */
const optional: ReadonlySet<string> = new Set(["capacityData", "optimizerData"]);

interface JsonFile {
  readonly file: string;
  readonly text: string;
  readonly value: unknown;
}

/**
 * Reads a system from a folder of Inferno's six data files, or from one file that holds all of them.
 *
 * @throws PlatformError with every problem of the files at once, up to a limit.
 */
export async function readInfernoSystem(path: string): Promise<InfernoSystem> {
  return (await isFolder(path)) ? readFolder(path) : readOneFile(path);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new PlatformError([unreadable(path, error)], { cause: error });
  }
}

async function readOneFile(path: string): Promise<InfernoSystem> {
  const file = await readJsonFile(path);
  if ("problem" in file) throw new PlatformError([file.problem]);
  const reading = readInfernoDocument(file.value);
  if (reading.ok) return reading.system;
  throw new PlatformError(reading.problems.map((problem) => locate(problem, problem.path, file)));
}

async function readFolder(path: string): Promise<InfernoSystem> {
  const files = new Map<string, JsonFile>();
  const problems: Problem[] = [];
  for (const [field, name] of Object.entries(fileNames)) {
    const file = await readJsonFile(join(path, name));
    if (!("problem" in file)) files.set(field, file);
    else if (!(file.isMissing && optional.has(field))) problems.push(file.problem);
  }
  if (problems.length > 0) throw new PlatformError(problems);
  const values = Object.fromEntries([...files].map(([field, { value }]) => [field, value]));
  const reading = readInfernoFiles(values);
  if (reading.ok) return reading.system;
  throw new PlatformError(
    reading.problems.map((problem) => {
      const [field, ...inside] = problem.path;
      return locate(problem, inside, files.get(String(field)));
    }),
  );
}

type JsonReading = JsonFile | { readonly problem: Problem; readonly isMissing: boolean };

async function readJsonFile(file: string): Promise<JsonReading> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { problem: unreadable(file, error), isMissing };
  }
  try {
    // A file that holds nothing but null is one that says nothing, as in Go.
    return { file, text, value: (JSON.parse(text) as unknown) ?? {} };
  } catch (error) {
    const position = positionAt(file, text, syntaxErrorOffset(text));
    const message = (error as SyntaxError).message.split("\n")[0] ?? "";
    return { problem: { code: "OPTIMIZE_JSON_INVALID", message, position }, isMissing: false };
  }
}

function unreadable(path: string, error: unknown): Problem {
  const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
  return { code: "OPTIMIZE_FILE_UNREADABLE", message: `cannot read ${path} (${reason})` };
}

function positionAt(file: string, text: string, offset: number): SourcePosition {
  const before = text.slice(0, offset).split("\n");
  return { file, line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

const codes = {
  type: "OPTIMIZE_INPUT_INVALID",
  missing: "OPTIMIZE_INPUT_INVALID",
  duplicate: "OPTIMIZE_NAME_DUPLICATE",
} as const satisfies Record<JsonProblem["kind"], ErrorCode>;

/** Finding a line takes a second pass over the text, tens of times slower than the first: only for what is edited by hand. */
const mostLocatedCharacters = 4_000_000;

function locate(problem: JsonProblem, path: JsonProblem["path"], file: JsonFile | undefined): Problem {
  const position = file === undefined ? undefined : positionOf(path, file);
  const inFile = position === undefined && file !== undefined ? ` in ${file.file}` : "";
  return {
    code: codes[problem.kind],
    message: `found ${problem.found}${inFile}`,
    allowed: problem.allowed,
    ...(path.length > 0 && { path: renderPath(path) }),
    ...(position && { position }),
  };
}

const finders = new WeakMap<JsonFile, PositionFinder>();

function positionOf(path: JsonProblem["path"], file: JsonFile): SourcePosition | undefined {
  if (file.text.length > mostLocatedCharacters) return undefined;
  let finder = finders.get(file);
  if (finder === undefined) {
    const lines = new LineCounter();
    const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    finder = new PositionFinder(document, lines, file.file);
    finders.set(file, finder);
  }
  return finder.ofValue(path);
}
