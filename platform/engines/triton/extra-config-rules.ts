import { unknownName } from "../../spec/nearest.ts";
import { text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { topLevelFields } from "./config-fields.ts";

/** Fields of a model's configuration that the spec's other keys write, and which key it is. */
const writtenBy: Readonly<Record<string, string>> = {
  name: "name of the model",
  platform: "backend or ensemble",
  backend: "backend",
  max_batch_size: "maxBatchSize of the model and batching",
  version_policy: "version or versions of the model",
  input: "inputs",
  output: "outputs",
  dynamic_batching: "dynamicBatching",
  ensemble_scheduling: "ensemble",
  instance_group: "instances",
  model_warmup: "warmup",
  parameters: "parameters",
};

/** The rest of the fields that a model's configuration has. */
const otherFields: readonly string[] = [
  "batch_input",
  "batch_output",
  "cc_model_filenames",
  "default_model_filename",
  "metric_tags",
  "model_metrics",
  "model_operations",
  "model_repository_agents",
  "model_transaction_policy",
  "optimization",
  "response_cache",
  "runtime",
  "sequence_batching",
];

/** Text that is handed on unread would only fail when the model is loaded. */
export function extraConfigProblems(options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const extra = text(options.extraConfig);
  if (extra === undefined) return [];
  const place = [...path, "extraConfig"];
  const { fields, problem } = topLevelFields(extra);
  if (problem !== undefined || fields.length === 0) {
    return [
      {
        code: "SPEC_TYPE_INVALID",
        path: place,
        message: problem === undefined ? "the text sets no field" : `the text has ${problem}`,
        allowed: "fields in protobuf's text format, such as optimization { cuda { graphs: true } }",
      },
    ];
  }
  return [
    ...fields.flatMap((field): RuleProblem[] => {
      const key = writtenBy[field];
      if (key !== undefined) {
        return [
          {
            code: "SPEC_COMBINATION_UNSUPPORTED",
            path: place,
            message: `extraConfig sets ${field}, which follows from other keys`,
            allowed: key,
          },
        ];
      }
      return otherFields.includes(field)
        ? []
        : [
            {
              code: "SPEC_KEY_UNKNOWN",
              path: place,
              message: unknownName("field of a model's configuration", field, otherFields),
              allowed: otherFields.join(", "),
            },
          ];
    }),
    ...schedulingProblems(fields, options, place),
    ...(options.ensemble !== undefined && fields.includes("optimization")
      ? [
          {
            code: "SPEC_COMBINATION_UNSUPPORTED",
            path: place,
            message: "an ensemble runs nothing itself that optimization could speak of",
            allowed: "optimization of the models of its steps",
          } as const,
        ]
      : []),
  ];
}

/** A model is scheduled in one way. */
function schedulingProblems(
  fields: readonly string[],
  options: Raw,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const other = ["dynamicBatching", "ensemble"].find((key) => options[key] !== undefined);
  return fields.includes("sequence_batching") && other !== undefined
    ? [
        {
          code: "SPEC_COMBINATION_UNSUPPORTED",
          path,
          message: `sequence_batching and ${other} are two ways to schedule one model`,
          allowed: "one of them",
        },
      ]
    : [];
}
