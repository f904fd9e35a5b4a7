import { record, records, text, type Raw } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { unsupported, type RawDynamoModel } from "./raw-model.ts";

/** Of a label's value, which the operator writes a graph's namespace and name into. */
const longestLabel = 63;

/** Names of graphs that are written: each stands for one graph of a cluster namespace. */
export function graphNameProblems(models: readonly RawDynamoModel[]): RuleProblem[] {
  const seen = new Set<string>();
  return models.flatMap((one): RuleProblem[] => {
    const { spec, engine, model, options, optionsPath } = one;
    const name = text(options.dynamoNamespace);
    if (name === undefined) return [];
    const path = [...optionsPath, "dynamoNamespace"];
    const namespace = namespaceOf(spec, engine);
    const classes = new Set(records(model.traffic).map(({ entry }) => entry.serviceClass));
    const versions = records(model.versions).length;
    const again = seen.has(name) || takenBefore(one, name);
    seen.add(name);
    const tag = `${namespace}-${name}`;
    return [
      ...(again
        ? [
            {
              code: "SPEC_NAME_DUPLICATE",
              path,
              message: `two graphs in namespace "${namespace}" are called "${name}"`,
              remedy: "Rename one of them.",
            } as const,
          ]
        : []),
      ...(classes.size > 1 || versions > 1
        ? [
            unsupported(
              path,
              "each service class and each version has a graph of its own, and they cannot share a name",
              "no dynamoNamespace, or one class and one version",
              "key",
            ),
          ]
        : []),
      ...(tag.length > longestLabel
        ? [
            unsupported(
              path,
              `the operator labels pods with "${tag}", ${tag.length} characters of at most ${longestLabel}`,
              `at most ${longestLabel - namespace.length - 1} characters`,
            ),
          ]
        : []),
    ];
  });
}

/** Whether an engine further up has a graph of that name in the same namespace. */
function takenBefore({ spec, engine }: RawDynamoModel, name: string): boolean {
  const all = records(spec.engines).map(({ entry }) => entry);
  const before = all.slice(0, Math.max(0, all.indexOf(engine)));
  return before
    .filter((other) => other.type === "dynamo" && namespaceOf(spec, other) === namespaceOf(spec, engine))
    .some((other) =>
      records(other.models).some(({ entry }) => record(entry.dynamo).dynamoNamespace === name),
    );
}

function namespaceOf(spec: Raw, engine: Raw): string {
  return text(engine.namespace) ?? `domino-inference-${text(record(spec.metadata).stage) ?? "dev"}`;
}
