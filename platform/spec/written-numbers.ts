import { isScalar, visit, type Document } from "yaml";
import type { Problem } from "../errors/platform-error.ts";
import type { PositionFinder } from "./positions.ts";

/**
 * Versions that are written as one number and read as another: `1.0` is 1 to YAML, and the commit `12345e7` is
 * 123450000000. Nobody would notice before the wrong weights are served.
 */
export function writtenNumberProblems(document: Document, positions: PositionFinder): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== "version" || !isScalar(value)) return;
      const { value: read, source, range } = value;
      if (typeof read !== "number" || source === undefined || source === String(read)) return;
      problems.push({
        code: "SPEC_TYPE_INVALID",
        message: `found version ${source}, which YAML reads as the number ${read}`,
        ...(range ? { position: positions.atOffset(range[0]) } : {}),
        allowed: `a whole number without leading zeros, or text in quotes: "${source}"`,
      });
    },
  });
  return problems;
}
