import { fieldsOf } from "../config-fields.ts";
import { pointOfRun, type BenchmarkRun, type RunLoad, type RunMetric } from "./benchmark-run.ts";
import { shown, type ImportProblem } from "./import-problem.ts";
import type { MeasurementFile } from "./measurement-file.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Metrics of `profile_export_aiperf.json` (ai-dynamo/aiperf, docs/reference/json-export-schema.md, schema 1.0 to 1.5)
 * and of `profile_export_genai_perf.json` (triton-inference-server/perf_analyzer,
 * genai-perf/genai_perf/export_data/json_exporter.py), which AIPerf took over: one block a metric with `unit`, `avg`
 * and percentiles.
 */
const tags = {
  ttft: "time_to_first_token",
  itl: "inter_token_latency",
  latency: "request_latency",
  inputTokens: "input_sequence_length",
  outputTokens: "output_sequence_length",
  requestsPerSecond: "request_throughput",
  requestCount: "request_count",
  errorCount: "error_request_count",
} as const satisfies Record<Exclude<keyof BenchmarkRun, "load">, string>;

/** Whether the object has the block of any metric that is read here. */
export function isBenchmarkJson(file: Fields): boolean {
  return Object.values(tags).some((tag) => typeof fieldsOf(file[tag])?.["unit"] === "string");
}

/** @param concurrency wins over what the file says of it. */
export function readBenchmarkJson(file: Fields, concurrency: number | undefined): MeasurementFile {
  const problems: ImportProblem[] = [];
  if (file["was_cancelled"] === true) {
    problems.push({
      kind: "cancelled",
      field: "was_cancelled",
      found: "true",
      allowed: "a run that went to its end",
    });
  }
  const metrics: Partial<Record<keyof typeof tags, RunMetric>> = {};
  for (const [name, tag] of Object.entries(tags) as [keyof typeof tags, string][]) {
    const block = fieldsOf(file[tag]);
    if (!block) continue;
    const mean = block["avg"];
    if (typeof mean === "number" && Number.isFinite(mean)) {
      metrics[name] = { field: tag, unit: String(block["unit"] ?? ""), mean };
    } else {
      problems.push({ kind: "invalid", field: `${tag}.avg`, found: shown(mean), allowed: "a number" });
    }
  }
  const load = loadOf(fieldsOf(file["input_config"]));
  const result = pointOfRun({ ...metrics, ...(load ? { load } : {}) }, concurrency);
  if (!result.ok) problems.push(...result.problems);
  return problems.length === 0 && result.ok
    ? { ok: true, task: "generation", points: [result.point] }
    : { ok: false, problems };
}

/**
 * How requests were sent. Newer AIPerf lists phases (`input_config.phases`), the first of which may warm up; older
 * ones have `input_config.loadgen`, GenAI-Perf `input_config.perf_analyzer.stimulus` or the options themselves.
 */
function loadOf(config: Fields | undefined): RunLoad | undefined {
  if (!config) return undefined;
  const phases = Array.isArray(config["phases"]) ? config["phases"].map(fieldsOf) : [];
  const counted = phases.filter((phase) => phase && phase["exclude_from_results"] !== true);
  const places = [
    counted.at(-1),
    fieldsOf(config["loadgen"]),
    fieldsOf(fieldsOf(config["perf_analyzer"])?.["stimulus"]),
    config,
  ];
  for (const place of places) {
    if (!place) continue;
    // With a rate, a concurrency is only its upper bound.
    if (["request_rate", "rate", "qps"].some((field) => typeof place[field] === "number"))
      return { kind: "rate" };
    const { concurrency } = place;
    if (typeof concurrency === "number" && concurrency >= 1) return { kind: "concurrency", concurrency };
  }
  return undefined;
}
