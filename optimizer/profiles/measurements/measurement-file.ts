import { fieldsOf } from "../config-fields.ts";
import type { MeasuredBatch, MeasuredPoint } from "../measured-point.ts";
import { isBenchmarkCsv, readBenchmarkCsv } from "./benchmark-csv.ts";
import { isBenchmarkJson, readBenchmarkJson } from "./benchmark-json.ts";
import { csvRows } from "./csv-rows.ts";
import type { ImportProblem } from "./import-problem.ts";
import { isPointHeader, readPointList, readPointTable } from "./point-list.ts";

/** What one file says: a benchmark's export is one point, our own lists are any number of them. */
export type MeasurementFile =
  | { readonly ok: true; readonly task: "generation"; readonly points: readonly MeasuredPoint[] }
  | { readonly ok: true; readonly task: "request-response"; readonly batches: readonly MeasuredBatch[] }
  | { readonly ok: false; readonly problems: readonly ImportProblem[] };

/** Exports are some 50 KB; one with the telemetry of a large cluster is some MB. */
export const mostCharacters = 16 * 2 ** 20;

const formats =
  "profile_export_aiperf.json or .csv, profile_export_genai_perf.json or .csv, a JSON list of points, or a CSV " +
  "with the header batch,inputTokens,outputTokens,ttftMs,itlMs or batch,latencyMs";

/**
 * Reads the measurements of a file, whatever its name: the format shows in the text.
 *
 * @param concurrency requests in flight during a benchmark's run; wins over what its export says of it.
 */
export function readMeasurements(text: string, concurrency?: number): MeasurementFile {
  if (text.length > mostCharacters) {
    const allowed = `at most ${mostCharacters} characters`;
    return { ok: false, problems: [{ kind: "too-large", found: String(text.length), allowed }] };
  }
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  return /^[[{]/.test(trimmed) ? readJson(trimmed, concurrency) : readTable(trimmed, concurrency);
}

function readJson(text: string, concurrency: number | undefined): MeasurementFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ kind: "malformed", found, allowed: "a whole JSON file" }] };
  }
  if (Array.isArray(value)) return readPointList(value);
  const file = fieldsOf(value) ?? {};
  if (Array.isArray(file["points"])) return readPointList(file["points"]);
  return isBenchmarkJson(file) ? readBenchmarkJson(file, concurrency) : foreign();
}

function readTable(text: string, concurrency: number | undefined): MeasurementFile {
  const rows = csvRows(text);
  if (!rows)
    return { ok: false, problems: [{ kind: "malformed", allowed: "a CSV file with closed quotes" }] };
  if (isBenchmarkCsv(rows)) return readBenchmarkCsv(rows, concurrency);
  return isPointHeader(rows[0] ?? []) ? readPointTable(rows) : foreign();
}

function foreign(): MeasurementFile {
  return { ok: false, problems: [{ kind: "foreign", allowed: formats }] };
}
