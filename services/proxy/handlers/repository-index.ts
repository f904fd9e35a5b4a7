import type { RouteModel, RouteServer, RouteTarget } from "../../../platform/routes/routing-table.ts";
import { mayUse } from "../auth/allow-list.ts";
import { answerJson } from "../inbound/answer.ts";
import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { askEngine } from "../upstream/ask-engine.ts";
import { expectEnd, forEachMember } from "../wire/json-bytes.ts";
import type { ProxyServices } from "./services.ts";

/** An endpoint that takes longer to list its models is reported as unavailable. */
const timeoutMs = 5_000;

/** Entries of one endpoint's list that are looked at: what an engine lists must not keep the proxy busy for long. */
const maxListed = 10_000;

interface IndexEntry {
  readonly name: string;
  /** Empty where the engine names none, as Triton does of a model that is not loaded. */
  readonly version: string;
  readonly state: string;
}

/**
 * `POST /v2/repository/index`: the models of all Open Inference engines that the caller may use. With `{"ready": true}`
 * only what is ready.
 */
export async function handleRepositoryIndex(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  expectPlainBody(inbound);
  const onlyReady = asksForReady(await services.bodies.read(inbound));
  const states = await repositoryStates(services, (model) => mayUse(inbound.principal, model.allow));
  answerJson(
    inbound,
    200,
    states
      .filter(({ state }) => !onlyReady || state === "READY")
      .map(({ version, ...entry }) => (version === "" ? entry : { ...entry, version })),
  );
}

function asksForReady(body: Buffer): boolean {
  if (body.length === 0) return false;
  let ready = false;
  const end = forEachMember(body, 0, (key, { start, end: valueEnd }) => {
    if (key === "ready") ready = body.toString("latin1", start, valueEnd) === "true";
  });
  expectEnd(body, end);
  return ready;
}

/**
 * The routing table says which versions exist, the engines in which state they are, and of servers that take any model
 * also what else there is. A version is READY as soon as one of its endpoints has it ready.
 */
export async function repositoryStates(
  services: ProxyServices,
  mayBeSeen: (model: RouteModel) => boolean,
): Promise<readonly IndexEntry[]> {
  const servers = [...services.routes().servers.values()].filter(
    (server) => server.protocol === "open-inference-v2",
  );
  const versions = servers
    .flatMap((server) => server.models.filter(mayBeSeen))
    .flatMap((model) =>
      model.versions.map(({ version, targets }) => ({ name: model.name, version, targets })),
    );
  const openServers = servers.flatMap((server) =>
    server.anyModel ? [{ server, targets: [server.anyModel] }] : [],
  );
  const { endpoints } = services.upstream;
  const urlsOf = (targets: readonly RouteTarget[]) =>
    targets.flatMap((target) => endpoints.of(target).map(({ url }) => url));
  const urls = new Set([...versions, ...openServers].flatMap(({ targets }) => urlsOf(targets)));
  const listed = new Map(
    await Promise.all([...urls].map(async (url) => [url, await listModels(services, url)] as const)),
  );
  const listedAt = (targets: readonly RouteTarget[]) =>
    urlsOf(targets).flatMap((url) => listed.get(url) ?? []);
  return [
    ...versions.map(({ name, version, targets }): IndexEntry => {
      const states = listedAt(targets)
        .filter((entry) => entry.name === name && entry.version === version)
        .map((entry) => entry.state);
      return { name, version, state: states.includes("READY") ? "READY" : (states[0] ?? "UNAVAILABLE") };
    }),
    ...openServers.flatMap(({ server, targets }) => unlistedModels(server, listedAt(targets))),
  ];
}

/** What the engines of a server have beside the models of the table, which alone says who may see those. */
function unlistedModels({ models }: RouteServer, entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const inTable = new Set(models.map(({ name }) => name));
  const found = new Map<string, Map<string, string>>();
  for (const { name, version, state } of entries) {
    if (inTable.has(name)) continue;
    const states = found.get(name) ?? new Map<string, string>();
    found.set(name, states);
    if (state === "READY" || !states.has(version)) states.set(version, state);
  }
  return [...found].flatMap(([name, states]) => {
    // Not loaded at one endpoint, and so without a version, but loaded at another one.
    if (states.size > 1) states.delete("");
    return [...states].map(([version, state]) => ({ name, version, state }));
  });
}

async function listModels(services: ProxyServices, url: string): Promise<readonly IndexEntry[]> {
  try {
    const { status, body } = await askEngine(services.upstream, url, {
      method: "POST",
      path: "/v2/repository/index",
      body: "{}",
      timeoutMs,
    });
    const value: unknown = status === 200 ? JSON.parse(body.toString("utf8")) : [];
    return Array.isArray(value) ? value.slice(0, maxListed).flatMap(indexEntry) : [];
  } catch {
    // An engine that cannot be asked has no model ready.
    return [];
  }
}

function indexEntry(value: unknown): IndexEntry[] {
  if (typeof value !== "object" || value === null) return [];
  const { name, version = "", state } = value as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string") return [];
  return [{ name, version, state: typeof state === "string" ? state : "UNAVAILABLE" }];
}
