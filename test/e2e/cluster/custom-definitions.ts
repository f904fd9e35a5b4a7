import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { locateCarried } from "../../toolchain/carried-files.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";

/** A custom resource definition and where it comes from. */
export interface CustomDefinition {
  readonly group: string;
  readonly kind: string;
  /** Says who wrote the schema, such as `cert-manager v1.21.2`. */
  readonly source: string;
  /** Whether the schema refuses anything: one that takes every field says nothing about a manifest. */
  readonly judges: boolean;
  readonly object: KubernetesObject;
}

const repository = join(import.meta.dirname, "../../..");

/**
 * Folder with definitions of operators, one subfolder a project.
 *
 * @default `../shared/crds` beside the checkout
 */
function sharedFolder(): string {
  return process.env["DOMINO_INFERENCE_CRDS"] ?? join(repository, "../shared/crds");
}

/** The definitions of some kinds that are to be had here. Where two sources have one, the first of this order counts. */
export async function customDefinitions(kinds: Iterable<string>): Promise<readonly CustomDefinition[]> {
  const asked = new Set(kinds);
  const carried = locateCarried("cert-manager-definitions");
  const found = [
    ...(await sharedDefinitions(asked)),
    ...(carried.kind === "found"
      ? await definitionsIn(asked, carried.folder, `cert-manager ${carried.version}`)
      : []),
    ...(await definitionsIn(
      asked,
      join(repository, "test/fixtures/crds"),
      "written from the operator's facts",
    )),
  ];
  const byName = new Map<string, CustomDefinition>();
  for (const definition of found) {
    const { name } = definition.object.metadata;
    if (!byName.has(name)) byName.set(name, definition);
  }
  return [...byName.values()];
}

async function sharedDefinitions(asked: ReadonlySet<string>): Promise<readonly CustomDefinition[]> {
  const folder = sharedFolder();
  if (!existsSync(folder)) return [];
  const found: CustomDefinition[] = [];
  for (const project of (await readdir(folder)).toSorted()) {
    found.push(...(await definitionsIn(asked, join(folder, project), `the definitions of ${project}`)));
  }
  return found;
}

async function definitionsIn(
  asked: ReadonlySet<string>,
  folder: string,
  source: string,
): Promise<readonly CustomDefinition[]> {
  const found: CustomDefinition[] = [];
  for (const file of (await readdir(folder)).toSorted()) {
    if (!file.endsWith(".yaml")) continue;
    const text = await readFile(join(folder, file), "utf8");
    // Some have tens of thousands of lines, which take a second to parse.
    if (!asked.values().some((kind) => text.includes(`kind: ${kind}`))) continue;
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubernetesObject | null;
      if (object?.kind !== "CustomResourceDefinition" || !asked.has(object["spec"].names.kind)) continue;
      found.push(
        definition(object, file.startsWith("RECONSTRUCTED_") ? `${source} (reconstructed)` : source),
      );
    }
  }
  return found;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}

interface Version {
  readonly schema?: { readonly openAPIV3Schema?: Schema };
}

function definition(object: KubernetesObject, source: string): CustomDefinition {
  const { group, names, versions } = object["spec"] as {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly Version[];
  };
  const judges = versions.every(({ schema }) => refusesAnything(schema?.openAPIV3Schema));
  return { group, kind: names.kind, source, judges, object };
}

/** Whether a schema names the fields of the object's body. */
function refusesAnything(schema: Schema | undefined): boolean {
  if (schema?.properties === undefined || schema["x-kubernetes-preserve-unknown-fields"] === true)
    return false;
  const body = Object.entries(schema.properties).filter(
    ([name]) => !["apiVersion", "kind", "metadata", "status"].includes(name),
  );
  return body.length > 0 && body.every(([, field]) => field["x-kubernetes-preserve-unknown-fields"] !== true);
}
