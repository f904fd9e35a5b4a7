import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { carriedFiles, locateCarried } from "../../toolchain/carried-files.ts";
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

/**
 * The definitions of some kinds that are to be had here. Where two sources have one, the first of this order counts:
 * those that the toolchain pins, so that every machine judges alike; those beside the checkout; those written by hand.
 */
export async function customDefinitions(kinds: Iterable<string>): Promise<readonly CustomDefinition[]> {
  const asked = new Set(kinds);
  const byName = new Map<string, CustomDefinition>();
  for (const { folder, source } of await definitionFolders()) {
    for (const definition of await definitionsIn(asked, byName, folder, source)) {
      byName.set(definition.object.metadata.name, definition);
    }
  }
  return [...byName.values()];
}

interface DefinitionFolder {
  readonly folder: string;
  readonly source: string;
}

async function definitionFolders(): Promise<readonly DefinitionFolder[]> {
  const carried = carriedFiles
    .filter(({ family }) => family === "crds")
    .flatMap(({ name }): DefinitionFolder[] => {
      const found = locateCarried(name);
      return found.kind === "found"
        ? [{ folder: found.folder, source: `${name.replace(/-definitions$/, "")} ${found.version}` }]
        : [];
    });
  const shared = sharedFolder();
  const projects = existsSync(shared) ? (await readdir(shared)).toSorted() : [];
  return [
    ...carried,
    ...projects.map((project) => ({
      folder: join(shared, project),
      source: `the definitions of ${project}`,
    })),
    { folder: join(repository, "test/fixtures/crds"), source: "written from the operator's facts" },
  ];
}

async function definitionsIn(
  asked: ReadonlySet<string>,
  known: ReadonlyMap<string, CustomDefinition>,
  folder: string,
  source: string,
): Promise<readonly CustomDefinition[]> {
  const found: CustomDefinition[] = [];
  for (const file of (await readdir(folder)).toSorted()) {
    if (!file.endsWith(".yaml")) continue;
    const text = await readFile(join(folder, file), "utf8");
    // Some have tens of thousands of lines, which take a second to parse.
    if (!asked.values().some((kind) => text.includes(`kind: ${kind}`))) continue;
    const names = [...text.matchAll(/^ {2}name: (\S+)$/gm)].map(([, name = ""]) => name);
    if (names.every((name) => known.has(name))) continue;
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubernetesObject | null;
      if (object?.kind !== "CustomResourceDefinition" || !asked.has(object["spec"].names.kind)) continue;
      if (known.has(object.metadata.name)) continue;
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
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
}

function definition(object: KubernetesObject, source: string): CustomDefinition {
  const { group, names, versions } = object["spec"] as {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly Version[];
  };
  // A version that takes anything would pass what the others refuse: it is left out where it can be.
  const judging = versions.filter(({ schema }) => refusesAnything(schema?.openAPIV3Schema));
  const judges = judging.some(({ storage }) => storage);
  return {
    group,
    kind: names.kind,
    source,
    judges,
    object: judges ? { ...object, spec: { ...object["spec"], versions: judging } } : object,
  };
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
