import { compareText } from "../../../optimizer/text-order.ts";
import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { topLevelFields } from "./config-fields.ts";
import { tritonModelOptions, type TritonEnsembleStep, type TritonModelOptions } from "./model-options.ts";
import type { TensorDatatype, TensorInput, TensorOutput } from "./tensor-options.ts";
import { enumValue, textFormat, type TextMessage, type TextValue } from "./text-format.ts";

type Model = Pick<ReplicaGroupPlan["models"][number], "name" | "versions" | "options">;

/**
 * The configuration that Triton serves a model with. What the spec says nothing of is left out, so that Triton completes
 * it from the model's files.
 *
 * @param maxBatchSize requests of a batch that the plan counts on
 */
export function configPbtxt(model: Model, maxBatchSize: number): string {
  const options = tritonModelOptions(model);
  const { backend, inputs = [], outputs = [], warmup = [], parameters = {}, ensemble } = options;
  const batches = options.batching === false ? 0 : maxBatchSize;
  const message: TextMessage = [
    ["name", model.name],
    ...(ensemble ? [["platform", "ensemble"] as const] : []),
    ...(backend === undefined ? [] : [["backend", backend] as const]),
    ["max_batch_size", batches],
    // Triton's default serves the latest alone: whoever asks for another version in use would get an error.
    ["version_policy", [["specific", [["versions", versionNumbers(model)]]]]],
    ...inputs.map((input) => ["input", inputMessage(input)] as const),
    ...outputs.map((output) => ["output", outputMessage(output)] as const),
    ...scheduling(options, batches),
    ...instanceGroups(options).map((group) => ["instance_group", group] as const),
    ...warmup.map((request) => ["model_warmup", warmupMessage(request, batches)] as const),
    ...Object.entries(parameters)
      .toSorted(([left], [right]) => compareText(left, right))
      .map(([key, value]) => ["parameters", mapEntry(key, [["string_value", value]])] as const),
  ];
  const extra = options.extraConfig?.trim();
  return textFormat(message) + (extra ? `${extra}\n` : "");
}

/** Name of a model's configuration in the ConfigMap of its group. */
export function configKey(model: string): string {
  return `${model}.pbtxt`;
}

function versionNumbers({ versions }: Model): readonly number[] {
  return versions.map(({ version }) => Number(version)).toSorted((a, b) => a - b);
}

function inputMessage(input: TensorInput): TextMessage {
  return [
    ...tensorFields(input),
    ...(input.optional === true ? [["optional", true] as const] : []),
    ...(input.ragged === true ? [["allow_ragged_batch", true] as const] : []),
  ];
}

function outputMessage(output: TensorOutput): TextMessage {
  return [
    ...tensorFields(output),
    ...(output.labels === undefined ? [] : [["label_filename", output.labels] as const]),
  ];
}

function tensorFields({ name, datatype, shape, reshape }: TensorInput | TensorOutput): TextMessage {
  return [
    ["name", name],
    ["data_type", dataType(datatype)],
    ["dims", shape],
    ...(reshape ? [["reshape", reshape.length === 0 ? [] : ([["shape", reshape]] as const)] as const] : []),
  ];
}

function dataType(datatype: TensorDatatype): TextValue {
  // The protocol's BYTES are strings to Triton.
  return enumValue(datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`);
}

/** How requests become executions: one way, of which Triton's configuration may have only one. */
function scheduling(options: TritonModelOptions, batches: number): TextMessage {
  const { ensemble, dynamicBatching: batching, extraConfig } = options;
  if (ensemble) {
    return [["ensemble_scheduling", ensemble.steps.map((step) => ["step", stepMessage(step)] as const)]];
  }
  if (extraConfig !== undefined && topLevelFields(extraConfig).fields.includes("sequence_batching"))
    return [];
  // The plan counts on requests that wait together being run together.
  if (batches < 2 && batching === undefined) return [];
  const { preferredSizes = [], queueDelay, preserveOrdering, priorities, queuePolicy } = batching ?? {};
  // Another model of the group may have made its batches smaller; Triton refuses to prefer what it cannot form.
  const preferred = preferredSizes.filter((size) => size <= batches).toSorted((a, b) => a - b);
  const fields: TextMessage = [
    ...(preferred.length > 0 ? [["preferred_batch_size", preferred] as const] : []),
    ...(queueDelay === undefined
      ? []
      : [["max_queue_delay_microseconds", inMicroseconds(queueDelay)] as const]),
    ...(preserveOrdering === true ? [["preserve_ordering", true] as const] : []),
    ...(priorities
      ? ([
          ["priority_levels", priorities.levels],
          ["default_priority_level", priorities.default],
        ] as const)
      : []),
    ...(queuePolicy ? [["default_queue_policy", queuePolicyMessage(queuePolicy)] as const] : []),
  ];
  return [["dynamic_batching", fields]];
}

type QueuePolicy = NonNullable<NonNullable<TritonModelOptions["dynamicBatching"]>["queuePolicy"]>;

function queuePolicyMessage({ timeout, onTimeout, maxQueueSize }: QueuePolicy): TextMessage {
  return [
    ...(onTimeout === undefined ? [] : [["timeout_action", enumValue(onTimeout.toUpperCase())] as const]),
    ...(timeout === undefined ? [] : [["default_timeout_microseconds", inMicroseconds(timeout)] as const]),
    ...(maxQueueSize === undefined ? [] : [["max_queue_size", maxQueueSize] as const]),
  ];
}

function inMicroseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1e3);
}

function stepMessage({ model, version, inputs, outputs }: TritonEnsembleStep): TextMessage {
  return [
    ["model_name", model],
    // -1: the highest that the model's own policy serves.
    ["model_version", version === undefined ? -1 : Number(version)],
    ...Object.entries(inputs).map(([key, tensor]) => ["input_map", mapEntry(key, tensor)] as const),
    ...Object.entries(outputs).map(([key, tensor]) => ["output_map", mapEntry(key, tensor)] as const),
  ];
}

function instanceGroups({ instances, rateLimiter, ensemble }: TritonModelOptions): readonly TextMessage[] {
  if (ensemble || (!instances && !rateLimiter)) return [];
  return (instances ?? [undefined]).map((instance) => [
    ...(instance
      ? ([
          ["count", instance.count],
          ["kind", enumValue(`KIND_${instance.kind.toUpperCase()}`)],
        ] as const)
      : []),
    ...(rateLimiter ? [["rate_limiter", rateLimiterMessage(rateLimiter)] as const] : []),
  ]);
}

function rateLimiterMessage({
  resources = [],
  priority,
}: NonNullable<TritonModelOptions["rateLimiter"]>): TextMessage {
  return [
    ...resources.map(
      ({ name, count, global }) =>
        [
          "resources",
          [["name", name], ...(global === true ? [["global", true] as const] : []), ["count", count]],
        ] as const,
    ),
    ...(priority === undefined ? [] : [["priority", priority] as const]),
  ];
}

type Warmup = NonNullable<TritonModelOptions["warmup"]>[number];

function warmupMessage({ name, batchSize, count, inputs }: Warmup, batches: number): TextMessage {
  return [
    ["name", name],
    ["batch_size", Math.min(batchSize, Math.max(batches, 1))],
    ...Object.entries(inputs).map(([input, { datatype, shape, data }]) => {
      const tensor: TextMessage = [
        ["data_type", dataType(datatype)],
        ["dims", shape],
        [`${data}_data`, true],
      ];
      return ["inputs", mapEntry(input, tensor)] as const;
    }),
    ...(count === undefined ? [] : [["count", count] as const]),
  ];
}

function mapEntry(key: string, value: TextValue): TextMessage {
  return [
    ["key", key],
    ["value", value],
  ];
}
