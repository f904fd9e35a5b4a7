import { z } from "zod";
import { PlatformError, type Problem } from "../platform/errors/platform-error.ts";
import type { PlatformSpec } from "../platform/spec/schema.ts";

type DatasetSpec = NonNullable<NonNullable<PlatformSpec["domino"]>["datasets"]>[number];

export interface DatasetLookup {
  /** Key for Domino's API. */
  readonly dominoApiKey?: string;
  /** Ask nobody: only ids of the spec count. */
  readonly offline: boolean;
  /**
   * Time for one answer of Domino's API, in ms.
   * @default 15000
   */
  readonly timeoutMs?: number;
}

const resourceId = z.uuid();

const datasetList = z.array(
  z.object({
    datasetRwDto: z.object({ name: z.string(), readWriteSnapshotId: z.string() }),
    projectInfo: z.unknown().optional(),
  }),
);

/** Newer and older versions of Domino put the id in different places. */
const snapshotAnswer = z.object({
  snapshot: z.union([
    z.object({ resourceId }).transform((snapshot) => snapshot.resourceId),
    z.object({ resource: z.object({ resourceId }) }).transform((snapshot) => snapshot.resource.resourceId),
  ]),
});

/** Thrown inside a lookup; becomes the message of a problem. Its text never holds the key or an answer's body. */
class LookupFailure extends Error {}

/**
 * Finds the folder under `filecache/` of every dataset that an engine loads from: as the spec says it, else by Domino's
 * API (dataset, its read-write snapshot, the snapshot's resource).
 *
 * @returns the resource id of each dataset, by name
 * @throws PlatformError STACK_DATASET_UNRESOLVED with every dataset that has none
 */
export async function resolveDatasets(
  spec: PlatformSpec,
  lookup: DatasetLookup,
): Promise<ReadonlyMap<string, string>> {
  const used = usedDatasets(spec);
  const resolved = new Map<string, string>();
  const problems: Problem[] = [];
  const open: DatasetSpec[] = [];
  for (const dataset of used) {
    if (dataset.resourceId === undefined) open.push(dataset);
    else resolved.set(dataset.name, dataset.resourceId);
  }
  if (open.length === 0) return resolved;

  const obstacle = lookupObstacle(spec, lookup);
  if (obstacle !== undefined) {
    const { reason, remedy } = obstacle;
    throw new PlatformError(open.map((dataset) => ({ ...unresolved(dataset, reason), ...remedy })));
  }

  const domino = new DominoApi(
    spec.domino?.apiHost ?? "",
    lookup.dominoApiKey ?? "",
    lookup.timeoutMs ?? 15_000,
  );
  let datasets: z.output<typeof datasetList>;
  try {
    datasets = await domino.get("/v4/datasetrw/datasets-v2", datasetList);
  } catch (error) {
    throw new PlatformError(open.map((dataset) => unresolved(dataset, failureText(error))));
  }
  for (const dataset of open) {
    try {
      const snapshotId = snapshotOf(dataset, datasets);
      const answer = await domino.get(
        `/v4/datasetrw/snapshot/${encodeURIComponent(snapshotId)}`,
        snapshotAnswer,
      );
      resolved.set(dataset.name, answer.snapshot);
    } catch (error) {
      problems.push(unresolved(dataset, failureText(error)));
    }
  }
  if (problems.length > 0) throw new PlatformError(problems);
  return resolved;
}

function usedDatasets(spec: PlatformSpec): DatasetSpec[] {
  const names = new Set(
    spec.engines.flatMap(({ storage }) =>
      typeof storage === "object" && "dataset" in storage ? [storage.dataset] : [],
    ),
  );
  return (spec.domino?.datasets ?? []).filter((dataset) => names.has(dataset.name));
}

interface LookupObstacle {
  readonly reason: string;
  readonly remedy?: Pick<Problem, "remedy">;
}

/** Why nobody may be asked; decided before the first request. */
function lookupObstacle(spec: PlatformSpec, lookup: DatasetLookup): LookupObstacle | undefined {
  if (lookup.offline)
    return { reason: "it has no resourceId in the spec, and offline it cannot be looked up" };
  const apiHost = spec.domino?.apiHost;
  if (apiHost === undefined)
    return { reason: "it has no resourceId, and the spec has no domino.apiHost to ask" };
  if (lookup.dominoApiKey === undefined)
    return { reason: "it has no resourceId, and the stack has no dominoApiKey to ask with" };
  const url = new URL(apiHost);
  if (url.protocol !== "https:" && !staysInside(url.hostname)) {
    return {
      // The host alone: an address may hold credentials.
      reason: `it has no resourceId, and domino.apiHost asks ${url.hostname} over http, which would send the API key in clear`,
      remedy: {
        remedy:
          "Write domino.apiHost with https://, or give resourceId in the spec. Plain http is for loopback and for Services of the cluster (*.svc, *.svc.cluster.local).",
      },
    };
  }
  return undefined;
}

/** Whether requests to a host stay on loopback or in the cluster's network. */
function staysInside(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "");
  // URLs write every form of an IPv4 address with four numbers, so the pattern takes no name that only begins like one.
  const loopback = host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
  return loopback || host.endsWith(".svc") || host.endsWith(".svc.cluster.local");
}

/** Names are unique in a project only: where several datasets share one, owner and project must decide. */
function snapshotOf(dataset: DatasetSpec, datasets: z.output<typeof datasetList>): string {
  const named = datasets.filter((candidate) => candidate.datasetRwDto.name === dataset.name);
  const exact = named.filter(({ projectInfo }) => describes(projectInfo, dataset));
  const candidates = named.length > 1 ? exact : named;
  const [found] = candidates;
  if (found === undefined) {
    throw new LookupFailure(
      `Domino has no dataset of this name in ${dataset.owner}/${dataset.project} that the key may see`,
    );
  }
  if (candidates.length > 1) {
    throw new LookupFailure(
      `Domino has ${candidates.length} datasets of this name in ${dataset.owner}/${dataset.project}`,
    );
  }
  return found.datasetRwDto.readWriteSnapshotId;
}

/** Versions of Domino name the fields of `projectInfo` differently; owner and project are among its values in all. */
function describes(projectInfo: unknown, dataset: DatasetSpec): boolean {
  if (typeof projectInfo !== "object" || projectInfo === null) return false;
  const values = Object.values(projectInfo);
  return values.includes(dataset.owner) && values.includes(dataset.project);
}

function unresolved(dataset: DatasetSpec, reason: string): Problem {
  return {
    code: "STACK_DATASET_UNRESOLVED",
    path: "domino.datasets",
    message: `dataset "${dataset.name}" of ${dataset.owner}/${dataset.project}: ${reason}`,
  };
}

function failureText(error: unknown): string {
  return error instanceof LookupFailure ? error.message : "its lookup failed";
}

/** Domino's API, as far as it is needed here. */
class DominoApi {
  readonly #base: string;
  readonly #key: string;
  readonly #timeoutMs: number;

  constructor(base: string, key: string, timeoutMs: number) {
    this.#base = base.replace(/\/+$/, "");
    this.#key = key;
    this.#timeoutMs = timeoutMs;
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const response = await this.#request(path);
    if (response.status === 401 || response.status === 403) {
      throw new LookupFailure(`Domino refused the key (status ${response.status})`);
    }
    if (!response.ok) throw new LookupFailure(`Domino answered GET ${path} with status ${response.status}`);
    const parsed = schema.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) throw new LookupFailure(`Domino's answer to GET ${path} has an unknown form`);
    return parsed.data;
  }

  async #request(path: string): Promise<Response> {
    try {
      return await fetch(`${this.#base}${path}`, {
        headers: { "X-Domino-Api-Key": this.#key, accept: "application/json" },
        // A redirect would carry the key to another host.
        redirect: "manual",
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
    } catch (error) {
      throw new LookupFailure(
        error instanceof DOMException && error.name === "TimeoutError"
          ? `Domino did not answer GET ${path} within ${this.#timeoutMs} ms`
          : `Domino cannot be reached at ${this.#base}`,
        { cause: error },
      );
    }
  }
}
