import { createHash } from "node:crypto";
import type { CheckRequest } from "../wire/resource-provider.ts";
import { revealed, type Wire } from "../wire/values.ts";
import type { ResourceType } from "./resource-type.ts";

/** Property with the names of the others that nobody gave; state written by official providers has it too. */
const defaultsProperty = "__defaults";

const suffixLength = 7;

/** The inputs with a name: the one of the last update where that was made up too, else `<resource>-<7 hex>`. */
export function namedInputs(type: ResourceType, { name, inputs, oldInputs, seed }: CheckRequest): Wire {
  const { nameProperty, prefixProperty, nameMaxLength } = type;
  const given = (property: string | undefined) =>
    property !== undefined && (inputs[property] ?? undefined) !== undefined;
  if (nameProperty === undefined || given(nameProperty) || given(prefixProperty)) {
    return { ...inputs, [defaultsProperty]: [] };
  }
  const madeUpBefore = (revealed(oldInputs[defaultsProperty]) ?? []) as readonly unknown[];
  const kept = madeUpBefore.includes(nameProperty) ? oldInputs[nameProperty] : undefined;
  const suffix = createHash("sha256").update(seed).update(name).digest("hex").slice(0, suffixLength);
  const room = (nameMaxLength ?? Number.POSITIVE_INFINITY) - suffixLength - 1;
  return {
    ...inputs,
    [nameProperty]: kept ?? `${name.slice(0, room)}-${suffix}`,
    [defaultsProperty]: [nameProperty],
  };
}

/** Inputs as the cloud is told them. */
export function withoutDefaults(inputs: Wire): Wire {
  const { [defaultsProperty]: _, ...told } = inputs;
  return told;
}
