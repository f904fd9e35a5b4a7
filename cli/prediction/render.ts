import { renderTable } from "../render/table.ts";
import type { PredictionAnswer } from "./prediction.ts";
import type { SimulationAnswer } from "./simulation.ts";

const heads = [
  "id",
  "TTFT ms mean",
  "p50",
  "p95",
  "p99",
  "ITL ms mean",
  "p95",
  "busy",
  "requests/s",
  "at most",
];
const numbers = heads.map((_, column) => column).slice(1);

export function renderPredictions(answers: readonly PredictionAnswer[]): string {
  const rows = answers.map(({ id, ttftMillis, itlMillis, ...rest }) => [
    id,
    ...[ttftMillis.mean, ttftMillis.p50, ttftMillis.p95, ttftMillis.p99, itlMillis.mean, itlMillis.p95].map(
      time,
    ),
    ...load(rest),
  ]);
  return `${renderTable(heads, rows, numbers)}\n`;
}

export function renderSimulations(answers: readonly SimulationAnswer[]): string {
  const rows = answers.map(({ id, ttftMillis, itlMillis, ...rest }) => [
    id,
    known(ttftMillis.mean, ttftMillis.meanHalfWidth),
    time(ttftMillis.p50),
    known(ttftMillis.p95, ttftMillis.p95HalfWidth),
    time(ttftMillis.p99),
    known(itlMillis.mean, itlMillis.meanHalfWidth),
    known(itlMillis.p95, itlMillis.p95HalfWidth),
    ...load(rest),
  ]);
  return `${renderTable(heads, rows, numbers)}\n`;
}

type Load = Pick<PredictionAnswer, "utilization" | "throughputPerSecond" | "saturationPerSecond">;

function load({ utilization, throughputPerSecond, saturationPerSecond }: Load): readonly string[] {
  const busy = `${Math.round(utilization * 100)} %`;
  return [busy, time(throughputPerSecond), time(saturationPerSecond)];
}

function known(value: number, halfWidth: number): string {
  return Number.isFinite(halfWidth) ? `${time(value)} ± ${time(halfWidth)}` : time(value);
}

/** Three digits; a dash where there is no such time: overload, or requests of one token. */
function time(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "-";
}
