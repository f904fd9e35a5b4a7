import { catalog202611 } from "./2026-11.ts";
import type { Catalog } from "./catalog.ts";

/** Every released catalog, oldest first. A released catalog never changes; a new one is added beside it. */
export const catalogs: readonly Catalog[] = [catalog202611];

/** What a new spec is pinned to. */
export const newestCatalog: Catalog = catalog202611;

export function catalogOf(version: string): Catalog | undefined {
  return catalogs.find((catalog) => catalog.version === version);
}
