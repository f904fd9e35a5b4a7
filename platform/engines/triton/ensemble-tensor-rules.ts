import { record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { unknownName } from "../../spec/nearest.ts";

interface Flow {
  readonly tensor: string;
  readonly path: readonly PropertyKey[];
}

/** Every tensor of an ensemble comes from one place, and every one that is read comes from somewhere. */
export function ensembleTensorProblems(
  options: Raw,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const steps = records(record(options.ensemble).steps).map(({ entry, index }) => ({
    step: entry,
    path: [...path, "ensemble", "steps", index],
  }));
  const inputs = tensorNames(options.inputs);
  const made = steps.flatMap(({ step, path: place }) => flows(step.outputs, [...place, "outputs"]));
  const known = [...inputs, ...made.map(({ tensor }) => tensor)];
  const read = steps.flatMap(({ step, path: place }) => flows(step.inputs, [...place, "inputs"]));
  const outputs = records(options.outputs).flatMap(({ entry, index }): Flow[] => {
    const tensor = text(entry.name);
    return tensor === undefined ? [] : [{ tensor, path: [...path, "outputs", index, "name"] }];
  });
  const unknown = [...read, ...(steps.length === 0 ? [] : outputs)]
    .filter(({ tensor }) => !known.includes(tensor))
    .map((flow) => unknownTensor(flow, known));
  return [
    ...unknown,
    ...madeTwice(made, inputs),
    // What is misspelt on one side would be said again of the other.
    ...(unknown.length > 0 ? [] : unread(options, made, read, path)),
    ...steps.flatMap(({ step, path: place }) => modelTensorProblems(step, models, place)),
  ];
}

function tensorNames(tensors: unknown): readonly string[] {
  return records(tensors).flatMap(({ entry }) => text(entry.name) ?? []);
}

function flows(map: unknown, path: readonly PropertyKey[]): readonly Flow[] {
  return Object.entries(record(map)).flatMap(([name, tensor]) =>
    typeof tensor === "string" ? [{ tensor, path: [...path, name] }] : [],
  );
}

function unknownTensor({ tensor, path }: Flow, known: readonly string[]): RuleProblem {
  return {
    code: "SPEC_REFERENCE_UNKNOWN",
    path,
    message: unknownName("tensor of the ensemble", tensor, known),
    allowed: known.join(", ") || "inputs of the ensemble and outputs of its steps",
  };
}

function madeTwice(made: readonly Flow[], inputs: readonly string[]): RuleProblem[] {
  const seen = new Set(inputs);
  return made.flatMap(({ tensor, path }): RuleProblem[] => {
    const again = seen.has(tensor);
    seen.add(tensor);
    return again
      ? [
          {
            code: "SPEC_NAME_DUPLICATE",
            path,
            message: `the tensor "${tensor}" comes from somewhere else already`,
          },
        ]
      : [];
  });
}

/** Triton loads no ensemble with a tensor that leads nowhere. */
function unread(
  options: Raw,
  made: readonly Flow[],
  read: readonly Flow[],
  path: readonly PropertyKey[],
): RuleProblem[] {
  if (made.length === 0 && read.length === 0) return [];
  const outputs = tensorNames(options.outputs);
  const inputs = records(options.inputs).flatMap(({ entry, index }): Flow[] => {
    const tensor = text(entry.name);
    return tensor === undefined ? [] : [{ tensor, path: [...path, "inputs", index, "name"] }];
  });
  const problem = ({ tensor, path: place }: Flow, allowed: string): RuleProblem => ({
    code: "SPEC_VALUE_CONFLICT",
    path: place,
    message: `nobody reads the tensor "${tensor}"`,
    allowed,
  });
  const isRead = ({ tensor }: Flow) => read.some((other) => other.tensor === tensor);
  return [
    ...inputs.filter((flow) => !isRead(flow)).map((flow) => problem(flow, "inputs that a step reads")),
    ...(outputs.length === 0 ? [] : made)
      .filter((flow) => !isRead(flow) && !outputs.includes(flow.tensor))
      .map((flow) => problem(flow, "outputs that another step or the ensemble hands on")),
  ];
}

/** Where a step's model says what its tensors are called, the step must call them so, and feed all it needs. */
function modelTensorProblems(
  step: Raw,
  models: ReadonlyMap<string, Raw>,
  path: readonly PropertyKey[],
): RuleProblem[] {
  const name = text(step.model) ?? "";
  const options = record(record(models.get(name)).triton);
  return (["inputs", "outputs"] as const).flatMap((key): RuleProblem[] => {
    const declared = tensorNames(options[key]);
    if (declared.length === 0 || step[key] === undefined) return [];
    const given = Object.keys(record(step[key]));
    const needed =
      key === "inputs"
        ? records(options.inputs).flatMap(({ entry }) =>
            entry.optional === true ? [] : (text(entry.name) ?? []),
          )
        : [];
    return [
      ...given
        .filter((tensor) => !declared.includes(tensor))
        .map((tensor): RuleProblem => ({
          code: "SPEC_REFERENCE_UNKNOWN",
          path: [...path, key, tensor],
          atKey: true,
          message: unknownName(`${key.slice(0, -1)} of "${name}"`, tensor, declared),
          allowed: declared.join(", "),
        })),
      ...needed
        .filter((tensor) => !given.includes(tensor))
        .map((tensor): RuleProblem => ({
          code: "SPEC_KEY_MISSING",
          path: [...path, key],
          message: `the step gives nothing to the input "${tensor}" of "${name}"`,
          allowed: "every input of the model that is not optional",
        })),
    ];
  });
}
