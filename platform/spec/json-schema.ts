import { z } from "zod";
import type { SpecPath } from "./positions.ts";
import { platformSpecSchema } from "./schema.ts";

/** The part of JSON Schema that zod writes and this module reads. */
export interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly [key: string]: unknown;
}

/** JSON Schema (2020-12) of a spec as it is written, units as text; published at `schema/platform.schema.json`. */
export const platformSpecJsonSchema = z.toJSONSchema(platformSpecSchema, { io: "input" }) as JsonSchema;

/** Keys that may stand at a path. */
export function propertiesAt(schema: JsonSchema, path: SpecPath): readonly string[] {
  let current: JsonSchema | undefined = schema;
  for (const step of path) {
    const object = objectForm(current);
    current =
      typeof step === "number"
        ? current?.items
        : (object?.properties?.[String(step)] ??
          (typeof object?.additionalProperties === "object" ? object.additionalProperties : undefined));
  }
  return Object.keys(objectForm(current)?.properties ?? {});
}

function objectForm(schema: JsonSchema | undefined): JsonSchema | undefined {
  return schema?.anyOf?.find((branch) => branch.properties) ?? schema;
}
