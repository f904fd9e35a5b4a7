import type { RouteModel, RouteVersion } from "../../../platform/routes/routing-table.ts";

/** Stands for the highest version, of every model. */
export const latestAlias = "latest";

/**
 * Every name by which a request may ask for a version of a model: the versions themselves, the model's aliases, and
 * `latest` for the highest one. A version that is really called like an alias keeps its name. Made once a routing
 * table, so that a request costs one lookup.
 */
export function versionNamed(model: RouteModel): ReadonlyMap<string, RouteVersion> {
  const named = new Map(model.versions.map((entry) => [entry.version, entry]));
  const latest = model.versions.reduce<RouteVersion | undefined>(
    (highest, entry) =>
      highest === undefined || compareVersions(entry.version, highest.version) > 0 ? entry : highest,
    undefined,
  );
  const aliases = Object.entries(model.aliases ?? {}).map(
    ([alias, version]) => [alias, named.get(version)] as const,
  );
  for (const [alias, entry] of [...aliases, [latestAlias, latest] as const]) {
    if (entry !== undefined && !named.has(alias)) named.set(alias, entry);
  }
  return named;
}

/**
 * Orders versions as people count them: positive where `left` is the later one. Runs of digits are compared as numbers
 * of any length and the rest as text, so 10 comes after 9, and 1.10.0 after 1.9.0. Of two versions of which one begins
 * with the other the longer is the later, 1.0.0-rc1 after 1.0.0 included: what a suffix means is not known here.
 */
export function compareVersions(left: string, right: string): number {
  const leftRuns = runsOf(left);
  const rightRuns = runsOf(right);
  for (let at = 0; at < Math.min(leftRuns.length, rightRuns.length); at++) {
    const order = compareRuns(leftRuns[at] ?? "", rightRuns[at] ?? "");
    if (order !== 0) return order;
  }
  // Versions that count alike, such as 1 and 01, still need one order that every proxy agrees on.
  return leftRuns.length - rightRuns.length || compareText(left, right);
}

function runsOf(version: string): readonly string[] {
  return version.match(/\d+|\D+/g) ?? [];
}

function compareRuns(left: string, right: string): number {
  if (!isNumber(left) || !isNumber(right)) return compareText(left, right);
  const leftDigits = left.replace(/^0+/, "");
  const rightDigits = right.replace(/^0+/, "");
  return leftDigits.length - rightDigits.length || compareText(leftDigits, rightDigits);
}

function isNumber(run: string): boolean {
  return /^\d/.test(run);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
