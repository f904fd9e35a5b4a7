import { createHash } from "node:crypto";
import { isObject, isUnknown, type Wire } from "../wire/values.ts";
import { fieldOf } from "./manifest.ts";

const autonamed = "pulumi.com/autonamed";
const suffixLength = 8;

/**
 * Inputs with a name: where the program gives none, that of the last update if it was made up, else
 * `<resource>-<8 hex>`. An annotation of the object tells names that were made up.
 */
export function autonamedInputs(name: string, inputs: Wire, oldInputs: Wire, seed: Uint8Array): Wire {
  const metadata = inputs.metadata ?? {};
  // Whatever is secret or unknown as a whole has its name inside.
  if (!isObject(metadata) || isUnknown(metadata)) return inputs;
  if ((metadata.name ?? "") !== "") return inputs;
  const suffix = createHash("sha256").update(seed).update(name).digest("hex").slice(0, suffixLength);
  const kept = isAutonamed(oldInputs) ? fieldOf(oldInputs, "metadata", "name") : undefined;
  const annotations = isObject(metadata.annotations) ? metadata.annotations : {};
  return {
    ...inputs,
    metadata: {
      ...metadata,
      name: kept ?? `${name}-${suffix}`,
      annotations: { ...annotations, [autonamed]: "true" },
    },
  };
}

export function isAutonamed(inputs: Wire): boolean {
  return fieldOf(inputs, "metadata", "annotations", autonamed) === "true";
}
