import { record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";

/** What somebody says of a tensor that goes through an ensemble. */
interface Declaration {
  readonly tensor: string;
  /** Who says it, for messages. */
  readonly by: string;
  readonly datatype: string | undefined;
  /** With the batch dimension where there is one. */
  readonly shape: readonly unknown[] | undefined;
  readonly path: readonly PropertyKey[];
}

/** The ensemble and the models of its steps say the same of the tensors that they hand on. */
export function ensembleAgreementProblems(
  options: Raw,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const first = new Map<string, Declaration>();
  return declarations(options, models, path).flatMap((declaration): RuleProblem[] => {
    const earlier = first.get(declaration.tensor);
    if (!earlier) first.set(declaration.tensor, declaration);
    const difference = earlier && differenceOf(earlier, declaration);
    return earlier && difference !== undefined
      ? [
          {
            code: "SPEC_VALUE_CONFLICT",
            path: declaration.path,
            message: `the tensor "${declaration.tensor}" is ${difference} (${earlier.by}; ${declaration.by})`,
            allowed: "the same datatype and shape on both sides; -1 in a shape is any size",
          },
        ]
      : [];
  });
}

function declarations(
  options: Raw,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): readonly Declaration[] {
  const own = (key: "inputs" | "outputs") =>
    records(options[key]).flatMap(({ entry, index }) =>
      declaration(text(entry.name), entry, options, `${key} of the ensemble`, [...path, key, index]),
    );
  const steps = records(record(options.ensemble).steps).flatMap(({ entry: step, index }) => {
    const model = text(step.model) ?? "";
    const of = record(record(models.get(model)).triton);
    return (["inputs", "outputs"] as const).flatMap((key) =>
      records(of[key]).flatMap(({ entry }) => {
        const name = text(entry.name) ?? "";
        const tensor = text(record(step[key])[name]);
        const place = [...path, "ensemble", "steps", index, key, name];
        return declaration(tensor, entry, of, `${key} of "${model}"`, place);
      }),
    );
  });
  return [...own("inputs"), ...steps, ...own("outputs")];
}

function declaration(
  tensor: string | undefined,
  entry: Raw,
  { batching }: Raw,
  by: string,
  path: readonly PropertyKey[],
): readonly Declaration[] {
  if (tensor === undefined) return [];
  const shape = Array.isArray(entry.shape) ? (entry.shape as readonly unknown[]) : undefined;
  return [
    {
      tensor,
      by,
      datatype: text(entry.datatype),
      shape: shape && batching !== false ? [-1, ...shape] : shape,
      path,
    },
  ];
}

function differenceOf(left: Declaration, right: Declaration): string | undefined {
  const { datatype, shape } = right;
  if (left.datatype !== undefined && datatype !== undefined && left.datatype !== datatype) {
    return `${left.datatype} and ${datatype}`;
  }
  if (!left.shape || !shape) return undefined;
  const fits =
    left.shape.length === shape.length &&
    left.shape.every((size, index) => size === shape[index] || size === -1 || shape[index] === -1);
  return fits ? undefined : `[${left.shape.join(", ")}] and [${shape.join(", ")}]`;
}
