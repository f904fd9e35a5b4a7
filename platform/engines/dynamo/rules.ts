import { record, records, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import type { EngineRuleContext } from "../engine-profile.ts";
import { backendProblems } from "./rules/backend.ts";
import { extraConfigProblems } from "./rules/extra-config.ts";
import { graphNameProblems } from "./rules/graph-names.ts";
import { modelProblems } from "./rules/models.ts";
import { operatorProblems } from "./rules/one-operator.ts";
import { unsupported, type RawDynamoModel } from "./rules/raw-model.ts";
import { replicaProblems } from "./rules/replicas.ts";
import { routingProblems } from "./rules/routing.ts";

/** What Dynamo cannot do together, on raw values. */
export function dynamoProblems(engine: Raw, { spec, path }: EngineRuleContext): RuleProblem[] {
  const models = records(engine.models).map(({ entry, index }): RawDynamoModel => {
    const own = [...path, "models", index];
    return {
      spec,
      engine,
      model: entry,
      options: record(entry.dynamo),
      engineOptions: record(engine.dynamo),
      enginePath: path,
      path: own,
      optionsPath: [...own, "dynamo"],
    };
  });
  return [
    ...imageProblems(engine, path),
    ...operatorProblems(engine, { spec, path }),
    ...graphNameProblems(models),
    ...models.flatMap((model) => [
      ...routingProblems(model),
      ...extraConfigProblems(model),
      ...backendProblems(model),
      ...replicaProblems(model),
      ...modelProblems(model),
    ]),
  ];
}

/** Frontends, planners and three kinds of workers have an image each. */
function imageProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  return engine.image === undefined
    ? []
    : [
        unsupported(
          [...path, "image"],
          "a Dynamo engine has several images, all of one release",
          "dynamo.version and dynamo.registry, or dynamo.backend.image of a model",
          "key",
        ),
      ];
}
