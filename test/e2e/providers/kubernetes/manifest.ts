import { isObject, type Wire } from "../wire/values.ts";

/** A Kubernetes object, as far as every kind has the same parts. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly deletionTimestamp?: string;
  readonly [field: string]: unknown;
}

/** What an object is, without which one. */
export interface ObjectKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Of a Pulumi type: `kubernetes:apps/v1:Deployment` is `apps/v1` and `Deployment`. */
export function kindOfType(type: string): ObjectKind {
  const [, version = "", kind = ""] = type.split(":");
  return { apiVersion: version.startsWith("core/") ? version.slice("core/".length) : version, kind };
}

export function groupOf(apiVersion: string): string {
  const parts = apiVersion.split("/");
  return parts.length > 1 ? (parts[0] ?? "") : "";
}

/** Kind by the object's own words, which win over the type's. */
export function kindOf(type: string, inputs: Wire): ObjectKind {
  const byType = kindOfType(type);
  return {
    apiVersion: typeof inputs.apiVersion === "string" ? inputs.apiVersion : byType.apiVersion,
    kind: typeof inputs.kind === "string" ? inputs.kind : byType.kind,
  };
}

/** Value at a path of keys; undefined where there is none. */
export function fieldOf(object: unknown, ...path: readonly string[]): unknown {
  let value = object;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}

export function numberOf(object: unknown, ...path: readonly string[]): number | undefined {
  const value = fieldOf(object, ...path);
  return typeof value === "number" ? value : undefined;
}

export function textOf(object: unknown, ...path: readonly string[]): string | undefined {
  const value = fieldOf(object, ...path);
  return typeof value === "string" ? value : undefined;
}

export function listOf(object: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = fieldOf(object, ...path);
  return Array.isArray(value) ? value : [];
}

/** Id of a resource: `namespace/name`, or the name of what is in no namespace. */
export function resourceId({ name, namespace }: Pick<ObjectMetadata, "name" | "namespace">): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

export function parseResourceId(id: string): Pick<ObjectMetadata, "name" | "namespace"> {
  const [first = "", second] = id.split("/");
  return second === undefined ? { name: first } : { namespace: first, name: second };
}
