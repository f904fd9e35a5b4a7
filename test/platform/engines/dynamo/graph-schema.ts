import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type AnySchema } from "ajv";
import { parse } from "yaml";

interface Version {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: AnySchema };
}

interface Definition {
  readonly spec: { readonly versions: readonly Version[] };
}

type Node = Record<string, unknown>;

/**
 * Why the definition of graph deployments refuses an object; unknown fields are refused wherever the schema does not take
 * them on purpose, as `kubectl apply --validate=strict` does. Rules in CEL are judged by an API server only.
 */
export function schemaProblems(object: unknown): readonly string[] {
  const problems = (validate ??= compiled());
  // As it goes over the wire: without keys that hold nothing.
  problems(JSON.parse(JSON.stringify(object)));
  return (problems.errors ?? []).map(({ instancePath, message, params }) =>
    [instancePath, message, JSON.stringify(params)].join(" "),
  );
}

let validate: ReturnType<Ajv["compile"]> | undefined;

function compiled(): ReturnType<Ajv["compile"]> {
  const file = join(import.meta.dirname, "../../../fixtures/crds/dynamographdeployments.nvidia.com.yaml");
  const definition = parse(readFileSync(file, "utf8")) as Definition;
  const version = definition.spec.versions.find(({ name }) => name === "v1beta1");
  if (!version) throw new Error("no definition of v1beta1");
  const schema = closed(version.schema.openAPIV3Schema as Node);
  // What every object has, and the definition leaves to Kubernetes.
  (schema.properties as Node)["metadata"] = { type: "object" };
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
}

/** Forbids what is not listed. */
function closed(node: Node): Node {
  const properties = node.properties as Record<string, Node> | undefined;
  const items = node.items as Node | undefined;
  return {
    ...node,
    ...(properties
      ? { properties: Object.fromEntries(Object.entries(properties).map(([key, own]) => [key, closed(own)])) }
      : {}),
    ...(items ? { items: closed(items) } : {}),
    ...(properties &&
    node["x-kubernetes-preserve-unknown-fields"] !== true &&
    node.additionalProperties === undefined
      ? { additionalProperties: false }
      : {}),
  };
}
