import { isUnknown, objectAt, textsAt, valueAt, type Properties } from "../known-values.ts";

export interface Principal {
  /** `AWS`, `Service`, `Federated`, `CanonicalUser`, or `*` where the document says just `"*"`. */
  readonly kind: string;
  readonly id: string;
}

/** One statement of an IAM policy document, with its short forms written out. */
export interface Statement {
  /** Its `Sid`, else its place. */
  readonly label: string;
  readonly allows: boolean;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly principals: readonly Principal[];
  readonly usesNotAction: boolean;
  readonly usesNotResource: boolean;
  readonly usesNotPrincipal: boolean;
  /** Operator → condition key → values, as in `StringEquals`. */
  readonly conditions: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
}

/** Statements of a document that is given as JSON text or as an object; none of one that is not known yet. */
export function statementsOf(document: unknown): Statement[] {
  if (isUnknown(document)) return [];
  const parsed = typeof document === "string" ? parseJson(document) : document;
  const statements = valueAt(parsed, "Statement");
  return (Array.isArray(statements) ? statements : [statements]).flatMap((value, index) => {
    const statement = objectAt(value);
    return statement ? [readStatement(statement, index)] : [];
  });
}

/** Text that is not JSON is not a policy either: AWS refuses it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readStatement(statement: Properties, index: number): Statement {
  return {
    label: typeof statement.Sid === "string" && statement.Sid !== "" ? statement.Sid : `Statement[${index}]`,
    allows: statement.Effect === "Allow",
    actions: textsAt(statement.Action),
    resources: textsAt(statement.Resource),
    principals: readPrincipals(statement.Principal),
    usesNotAction: statement.NotAction !== undefined,
    usesNotResource: statement.NotResource !== undefined,
    usesNotPrincipal: statement.NotPrincipal !== undefined,
    conditions: new Map(
      Object.entries(objectAt(statement.Condition) ?? {}).map(([operator, keys]) => [
        operator,
        new Map(Object.entries(objectAt(keys) ?? {}).map(([key, values]) => [key, textsAt(values)])),
      ]),
    ),
  };
}

function readPrincipals(principal: unknown): Principal[] {
  if (typeof principal === "string") return [{ kind: principal, id: principal }];
  return Object.entries(objectAt(principal) ?? {}).flatMap(([kind, ids]) =>
    textsAt(ids).map((id) => ({ kind, id })),
  );
}
