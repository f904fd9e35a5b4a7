import { propertiesWithSecretsOf, secretOf, type Wire } from "../wire/values.ts";
import { groupOf, type Manifest, type ObjectKind } from "./manifest.ts";

/** Output with the name under which this resource applies its fields; state of the official provider has it too. */
const managerProperty = "__fieldManager";

export function fieldManagerOf(outputs: Wire): string | undefined {
  const manager = outputs[managerProperty];
  return typeof manager === "string" ? manager : undefined;
}

/** An object as the engine keeps it: secret where the inputs are, and everything that a Secret holds. */
export function outputsOf(live: Manifest, inputs: Wire, fieldManager: string): Wire {
  const { managedFields: _, ...metadata } = live.metadata;
  const outputs = propertiesWithSecretsOf(inputs, { ...live, metadata });
  return { ...withSecretData(live, outputs), [managerProperty]: fieldManager };
}

/** The data of a Secret is secret even where the program does not say so. */
export function withSecretData({ apiVersion, kind }: ObjectKind, properties: Wire): Wire {
  if (kind !== "Secret" || groupOf(apiVersion) !== "") return properties;
  const { data, stringData } = properties;
  return {
    ...properties,
    ...(data === undefined ? {} : { data: secretOf(data) }),
    ...(stringData === undefined ? {} : { stringData: secretOf(stringData) }),
  };
}
