import { fieldsOf } from "../config-fields.ts";
import type { MeasuredBatch, MeasuredPoint } from "../measured-point.ts";
import { shown, type ImportProblem } from "./import-problem.ts";
import type { MeasurementFile } from "./measurement-file.ts";

const pointFields = ["batch", "inputTokens", "outputTokens", "ttftMs", "itlMs"] as const;
const batchFields = ["batch", "latencyMs"] as const;
const allFields: readonly string[] = [...new Set([...pointFields, ...batchFields])];

/** Far more points than any fit needs. */
const mostPoints = 10_000;

export function isPointHeader(header: readonly string[]): boolean {
  return header.includes("batch") && header.some((name) => name.endsWith("Ms"));
}

/** Rows under a header with the names of the fields; empty cells are absent values. */
export function readPointTable(rows: readonly (readonly string[])[]): MeasurementFile {
  const [header = []] = rows;
  const body = rows.slice(1);
  if (body.length > mostPoints) return tooMany(body.length);
  return readPointList(
    body
      .filter((row) => row.some((cell) => cell !== ""))
      .map((row) =>
        Object.fromEntries(
          row
            .map((cell, column): [string, unknown] => [
              header[column] ?? `column ${column + 1}`,
              numeric(cell),
            ])
            .filter(([, value]) => value !== ""),
        ),
      ),
  );
}

function numeric(cell: string): unknown {
  const value = Number(cell);
  return cell === "" || Number.isNaN(value) ? cell : value;
}

/** Points of a generation model, or of a request/response one, but not of both. */
export function readPointList(list: readonly unknown[]): MeasurementFile {
  const problems: ImportProblem[] = [];
  if (list.length > mostPoints) return tooMany(list.length);
  const points: MeasuredPoint[] = [];
  const batches: MeasuredBatch[] = [];
  for (const [index, entry] of list.entries()) {
    const before = problems.length;
    const row = fieldsOf(entry) ?? {};
    for (const [name, value] of Object.entries(row)) {
      const field = `row ${index + 1}, ${name}`;
      if (!allFields.includes(name)) {
        problems.push({ kind: "invalid", field, found: shown(value), allowed: allFields.join(", ") });
      } else if (typeof value !== "number" || !Number.isFinite(value)) {
        problems.push({ kind: "invalid", field, found: shown(value), allowed: "a number" });
      }
    }
    const required = "latencyMs" in row ? batchFields : (["batch", "inputTokens"] as const);
    for (const name of required) {
      if (!(name in row))
        problems.push({ kind: "missing", field: `row ${index + 1}, ${name}`, allowed: "a number" });
    }
    if (!("latencyMs" in row) && !("ttftMs" in row) && !("itlMs" in row)) {
      const field = `row ${index + 1}, ttftMs, itlMs or latencyMs`;
      problems.push({ kind: "missing", field, allowed: "at least one measured time" });
    }
    if (problems.length > before) continue;
    // Checked field by field just above.
    if ("latencyMs" in row) batches.push(row as unknown as MeasuredBatch);
    else points.push(row as unknown as MeasuredPoint);
  }
  if (points.length > 0 && batches.length > 0) {
    const allowed = "rows with ttftMs and itlMs, or rows with latencyMs";
    problems.push({ kind: "mixed", found: `${points.length} and ${batches.length} rows`, allowed });
  }
  if (problems.length > 0) return { ok: false, problems };
  return batches.length > 0
    ? { ok: true, task: "request-response", batches }
    : { ok: true, task: "generation", points };
}

function tooMany(count: number): MeasurementFile {
  const allowed = `at most ${mostPoints} points`;
  return { ok: false, problems: [{ kind: "too-large", found: String(count), allowed }] };
}
