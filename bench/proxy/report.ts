import Table from "cli-table3";

/** One target of the issue, and what was measured. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly figure: string;
  /** `unknown`: without any proxy the machine was already slower than the target allows. */
  readonly met: boolean | "unknown";
}

/** What one case found. */
export interface CaseReport {
  /** Measured things: the first row holds the headings. */
  readonly rows: readonly (readonly string[])[];
  readonly verdicts: readonly Verdict[];
  /** The same figures for programs. */
  readonly figures: unknown;
}

export function printReport({ rows, verdicts }: CaseReport): void {
  const [head = [], ...body] = rows;
  const measurements = new Table({ head: [...head], style: { head: [], border: [] } });
  measurements.push(...body.map((row) => [...row]));
  console.log(measurements.toString());
  printVerdicts(verdicts);
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  if (verdicts.length === 0) return;
  const table = new Table({ head: ["", "target", "measured", ""], style: { head: [], border: [] } });
  for (const { what, target, figure, met } of verdicts) {
    table.push([what, target, figure, met === "unknown" ? "machine too busy" : met ? "met" : "NOT MET"]);
  }
  console.log(table.toString());
}

/** Judges what is added to a latency: by the target, where the latency itself is not above it. */
export function judgeAdded(addedMs: number, directMs: number, mostMs: number): Verdict["met"] {
  return directMs > mostMs ? "unknown" : addedMs <= mostMs;
}

export function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** `median (least to most)`. */
export function spread(values: readonly number[], middle: number, digits: number): string {
  return `${fixed(middle, digits)} (${fixed(Math.min(...values), digits)} to ${fixed(Math.max(...values), digits)})`;
}
