import type { InfernoAllocations, ServerAllocation } from "../../optimizer/inferno/allocation-result.ts";
import { explainReason } from "../../optimizer/inferno/unserved-reason.ts";
import { renderTable } from "../render/table.ts";

/** Times that the parts of the answer took, in ms. */
export interface OptimizeElapsed {
  readonly sizing: number;
  readonly assignment: number;
}

/** Few enough for a short text, enough for few writes. */
const serversPerPiece = 1000;

/**
 * The answer as JSON, one server a line. In pieces, because the answer for a million servers is longer than one text
 * can be.
 */
export function* renderAllocationsJson(
  { allocations, totals, units, proof }: InfernoAllocations,
  elapsedMillis: OptimizeElapsed,
): Generator<string> {
  yield `{\n  "allocations": {`;
  for (let start = 0; start < allocations.length; start += serversPerPiece) {
    const lines = allocations
      .slice(start, start + serversPerPiece)
      .map((one) => `\n    ${JSON.stringify(one.server)}: ${JSON.stringify(allocationJson(one))}`);
    yield (start > 0 ? "," : "") + lines.join(",");
  }
  yield allocations.length > 0 ? "\n  },\n" : "},\n";
  const byType = Object.fromEntries(
    units.map(({ type, units: used, capacityUnits }) => [
      type,
      { used, ...(capacityUnits < Infinity ? { capacity: capacityUnits } : {}) },
    ]),
  );
  yield `  "totals": ${JSON.stringify(totals)},\n`;
  yield `  "unitsByType": ${JSON.stringify(byType)},\n`;
  yield `  "proof": ${JSON.stringify(proof)},\n`;
  yield `  "elapsedMillis": ${JSON.stringify(elapsedMillis)}\n}\n`;
}

function allocationJson(one: ServerAllocation): object {
  return {
    accelerator: one.accelerator,
    replicas: one.replicas,
    maxBatch: one.maxBatchSize,
    cost: one.cost,
    value: one.value,
    itlMillis: one.itlMs,
    ttftMillis: one.ttftMs,
    rho: one.rho,
    served: one.served,
    ...(one.reason && { reason: explainReason(one.reason) }),
    ...(one.split && {
      split: one.split.map(({ accelerator, replicas, maxBatchSize }) => ({
        accelerator,
        replicas,
        maxBatch: maxBatchSize,
      })),
    }),
  };
}

/** The answer for people. */
export function renderAllocationsTable(
  { allocations, totals, units, proof }: InfernoAllocations,
  elapsed: OptimizeElapsed,
): string {
  const rows = allocations.map((one) => [
    one.server,
    one.split?.map(({ accelerator, replicas }) => `${replicas} ${accelerator}`).join(" + ") ??
      one.accelerator,
    String(one.replicas),
    String(one.maxBatchSize),
    amount(one.cost),
    amount(one.value),
    amount(one.itlMs),
    amount(one.ttftMs),
    `${Math.round(one.rho * 100)} %`,
    one.served,
  ]);
  const heads = [
    "server",
    "accelerator",
    "replicas",
    "batch",
    "cost",
    "value",
    "ITL ms",
    "TTFT ms",
    "busy",
    "served",
  ];
  const reasons = allocations.flatMap((one) =>
    one.reason ? [`  ${one.server}: ${explainReason(one.reason)}`] : [],
  );
  const unitTexts = units.map(
    ({ type, units: used, capacityUnits }) =>
      `${type} ${used}${capacityUnits < Infinity ? ` of ${capacityUnits}` : ""}`,
  );
  const lines = [
    renderTable(heads, rows, [2, 3, 4, 5, 6, 7, 8]),
    `cost ${amount(totals.cost)}, value ${amount(totals.value)}: ` +
      `${totals.full} served in full, ${totals.partial} in part, ${totals.none} not`,
    ...(unitTexts.length > 0 ? [`cards in use: ${unitTexts.join(", ")}`] : []),
    `${proofText(proof)}; sized in ${amount(elapsed.sizing)} ms, assigned in ${amount(elapsed.assignment)} ms`,
    ...(reasons.length > 0 ? ["not served in full", ...reasons] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function proofText({ status, gap }: InfernoAllocations["proof"]): string {
  switch (status) {
    case "optimal":
      return "proven to be the best";
    case "trivial":
      return "the best: no servers compete for what there is";
    case "feasible":
      return `the best found in the time, at most ${Number((gap * 100).toPrecision(2))} % from the best there is`;
  }
}

function amount(value: number): string {
  return String(Number(value.toFixed(2)));
}
