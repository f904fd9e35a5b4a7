import { readFile, stat } from "node:fs/promises";
import { LineCounter, parseDocument, type Document } from "yaml";
import { PlatformError, type Problem } from "../errors/platform-error.ts";
import { PositionFinder, renderPath } from "./positions.ts";
import { ruleProblems } from "./rules.ts";
import { platformSpecSchema, type PlatformSpec } from "./schema.ts";
import { schemaProblems } from "./schema-problems.ts";
import { writtenNumberProblems } from "./written-numbers.ts";

/** A spec of hundreds of models stays far below; more is a mistake or an attack. */
const maxSpecBytes = 1024 * 1024;

/**
 * Reads a platform spec.
 *
 * @throws PlatformError with every problem of the file at once.
 */
export async function loadSpec(file: string): Promise<PlatformSpec> {
  const text = await readSpecFile(file);
  return parseSpec(text, file);
}

async function readSpecFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > maxSpecBytes) {
      throw new PlatformError([
        { code: "SPEC_TOO_LARGE", message: `${file} has ${size} bytes`, allowed: `${maxSpecBytes} bytes` },
      ]);
    }
    return await readFile(file, "utf8");
  } catch (error) {
    if (PlatformError.is(error)) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new PlatformError([{ code: "SPEC_FILE_NOT_FOUND", message: `cannot read ${file} (${reason})` }], {
      cause: error,
    });
  }
}

/**
 * Parses the text of a platform spec.
 *
 * @param file only for the positions in errors
 * @throws PlatformError with every problem of the text at once.
 */
export function parseSpec(text: string, file: string): PlatformSpec {
  if (text.includes("\0")) {
    throw new PlatformError([{ code: "SPEC_YAML_INVALID", message: `${file} is not a text file` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const positions = new PositionFinder(document, lines, file);
  if (document.errors.length > 0) {
    throw new PlatformError(
      document.errors.map((error): Problem => ({
        code: "SPEC_YAML_INVALID",
        message:
          error.code === "MULTIPLE_DOCS" ? "the file holds several documents, a spec is one" : error.message,
        position: positions.atOffset(error.pos[0]),
      })),
    );
  }
  const raw = toPlainValue(document, positions);
  const parsed = platformSpecSchema.safeParse(raw);
  const problems: Problem[] = [
    ...(parsed.success ? [] : schemaProblems(parsed.error, raw, positions)),
    ...writtenNumberProblems(document, positions),
    ...ruleProblems(raw).map(({ path, atKey, ...problem }) => ({
      ...problem,
      path: renderPath(path),
      position: atKey ? positions.ofKey(path) : positions.ofValue(path),
    })),
  ];
  if (!parsed.success || problems.length > 0) throw new PlatformError(inFileOrder(problems));
  return parsed.data;
}

/** Aliases are bounded: a few hundred bytes of nested ones could otherwise unfold into gigabytes. */
function toPlainValue(document: Document, positions: PositionFinder): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new PlatformError([
      { code: "SPEC_YAML_INVALID", message: (error as Error).message, position: positions.atOffset(0) },
    ]);
  }
}

function inFileOrder(problems: readonly Problem[]): Problem[] {
  const order = (problem: Problem) =>
    (problem.position?.line ?? 0) * 10_000 + (problem.position?.column ?? 0);
  return problems.toSorted((left, right) => order(left) - order(right));
}
