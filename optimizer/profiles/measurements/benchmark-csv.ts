import { pointOfRun, type BenchmarkRun, type RunMetric } from "./benchmark-run.ts";
import { shown, type ImportProblem } from "./import-problem.ts";
import type { MeasurementFile } from "./measurement-file.ts";

/**
 * Rows of `profile_export_aiperf.csv` (ai-dynamo/aiperf, src/aiperf/exporters/metrics_csv_exporter.py) and of
 * `profile_export_genai_perf.csv` (triton-inference-server/perf_analyzer,
 * genai-perf/genai_perf/export_data/csv_exporter.py): a table `Metric,avg,min,…` of request metrics, a table
 * `Metric,Value` of the run's, and tables of telemetry, which begin otherwise. Names carry their unit in brackets.
 */
const names: Readonly<Record<string, Exclude<keyof BenchmarkRun, "load">>> = {
  "time to first token": "ttft",
  "inter token latency": "itl",
  "request latency": "latency",
  "input sequence length": "inputTokens",
  "output sequence length": "outputTokens",
  "request throughput": "requestsPerSecond",
  "request count": "requestCount",
  "error request count": "errorCount",
};

export function isBenchmarkCsv(rows: readonly (readonly string[])[]): boolean {
  return rows.some(([first, second]) => isHeader(first, second));
}

function isHeader(first: string | undefined, second: string | undefined): boolean {
  return first === "Metric" && (second === "avg" || second === "Value");
}

/** @param concurrency the file itself says nothing of it; by default the product of throughput and latency. */
export function readBenchmarkCsv(
  rows: readonly (readonly string[])[],
  concurrency: number | undefined,
): MeasurementFile {
  const problems: ImportProblem[] = [];
  const metrics: Partial<Record<Exclude<keyof BenchmarkRun, "load">, RunMetric>> = {};
  let inTable = false;
  for (const [label = "", value = ""] of rows) {
    if (isHeader(label, value)) {
      inTable = true;
      continue;
    }
    // An empty line ends a table; what follows may be of another kind.
    if (label === "") inTable = false;
    if (!inTable) continue;
    const [, title = "", unit = ""] = /^(.*?)(?: \(([^()]*)\))?$/.exec(label) ?? [];
    const name = Object.hasOwn(names, title.toLowerCase()) ? names[title.toLowerCase()] : undefined;
    if (name === undefined) continue;
    const mean = numberIn(value);
    if (mean === undefined) {
      problems.push({ kind: "invalid", field: label, found: shown(value), allowed: "a number" });
    } else {
      metrics[name] = { field: title, unit, mean };
    }
  }
  const result = pointOfRun(metrics, concurrency);
  if (!result.ok) problems.push(...result.problems);
  return problems.length === 0 && result.ok
    ? { ok: true, task: "generation", points: [result.point] }
    : { ok: false, problems };
}

/** GenAI-Perf groups thousands by commas. */
function numberIn(text: string): number | undefined {
  const plain = /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text;
  const value = plain.trim() === "" ? Number.NaN : Number(plain);
  return Number.isFinite(value) ? value : undefined;
}
