import { durationSchema } from "../../spec/quantities.ts";
import { list, number, record, records, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";

/** What a model says of batches agrees with itself and with what it is planned with. */
export function batchingProblems(model: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const options = record(model.triton);
  const there = [...path, "triton"];
  return [
    ...orderingProblems(options, there),
    ...delayProblems(model, options, there),
    ...(options.batching === false
      ? unbatchedProblems(model, options, there)
      : sizeProblems(model, options, there)),
  ];
}

/** Waiting for a batch comes on top of what the plan predicts; alone it must leave room for the answer. */
function delayProblems(model: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const delayMs = milliseconds(record(options.dynamicBatching).queueDelay);
  if (delayMs === undefined) return [];
  const targets = records(model.traffic).flatMap(({ entry }) => {
    const { latencyMean, latencyP95 } = record(entry.slo);
    return [latencyMean, latencyP95].flatMap((target) => milliseconds(target) ?? []);
  });
  const tightest = Math.min(...targets);
  if (delayMs < tightest) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "dynamicBatching", "queueDelay"],
      message: `requests may wait ${delayMs} ms for a batch, and the tightest latency target is ${tightest} ms`,
      allowed: "well below the latency targets of the model: it comes on top of the predicted latency",
    },
  ];
}

function milliseconds(value: unknown): number | undefined {
  const parsed = durationSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** The largest batch that the model may be planned with, as far as the spec says it. */
function largestBatch(model: Raw): number | undefined {
  const measured = records(model.profiles).flatMap(({ entry }) => number(entry.maxBatchSize) ?? []);
  const limits = [number(model.maxBatchSize), measured.length > 0 ? Math.max(...measured) : undefined];
  const known = limits.filter((limit) => limit !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

/** Requests that overtake others cannot be answered in their order; Triton does not load such a model. */
function orderingProblems(options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const { preserveOrdering, priorities, queuePolicy } = record(options.dynamicBatching);
  if (preserveOrdering !== true) return [];
  const levels = number(record(priorities).levels) ?? 1;
  const place = [...path, "dynamicBatching", "preserveOrdering"];
  const problem = (what: string): RuleProblem => ({
    code: "SPEC_COMBINATION_UNSUPPORTED",
    path: place,
    message: `preserveOrdering answers in the order of the requests, which ${what} changes`,
    allowed: "one of them",
  });
  return [
    ...(levels > 1 ? [problem(`priorities with ${levels} levels`)] : []),
    ...(record(queuePolicy).onTimeout === "delay" ? [problem("onTimeout: delay")] : []),
  ];
}

function unbatchedProblems(model: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  return [
    ...(largestBatch(model) === 1 || options.ensemble !== undefined
      ? []
      : [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...path, "batching"],
            message: "the model takes no batches, and the plan would count on them",
            allowed: "batching: false together with maxBatchSize: 1",
            remedy: "Add maxBatchSize: 1 to the model.",
          } as const,
        ]),
    ...(options.dynamicBatching === undefined
      ? []
      : [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: [...path, "dynamicBatching"],
            atKey: true,
            message: "dynamicBatching joins requests to batches, which the model does not take",
            allowed: "one of dynamicBatching and batching: false",
          } as const,
        ]),
  ];
}

function sizeProblems(model: Raw, options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const largest = largestBatch(model);
  if (largest === undefined) return [];
  const above = (size: unknown, place: readonly PropertyKey[]): RuleProblem[] =>
    typeof size === "number" && size > largest
      ? [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: place,
            message: `a batch of ${size} is larger than the model's largest, ${largest}`,
            allowed: `at most ${largest}`,
          },
        ]
      : [];
  return [
    ...list(record(options.dynamicBatching).preferredSizes).flatMap((size, index) =>
      above(size, [...path, "dynamicBatching", "preferredSizes", index]),
    ),
    ...records(options.warmup).flatMap(({ entry, index }) =>
      above(entry.batchSize, [...path, "warmup", index, "batchSize"]),
    ),
  ];
}
