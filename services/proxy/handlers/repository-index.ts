import type { RouteModel, RouteTarget } from "../../../platform/routes/routing-table.ts";
import { mayUse } from "../auth/allow-list.ts";
import { answerJson } from "../inbound/answer.ts";
import { expectPlainBody } from "../inbound/body-reader.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { askEngine } from "../upstream/ask-engine.ts";
import { expectEnd, forEachMember } from "../wire/json-bytes.ts";
import type { ProxyServices } from "./services.ts";

/** An endpoint that takes longer to list its models is reported as unavailable. */
const timeoutMs = 5_000;

interface IndexEntry {
  readonly name: string;
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
    states.filter(({ state }) => !onlyReady || state === "READY"),
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
 * The routing table says which versions exist, the engines in which state they are; a version is READY as soon as one
 * of its endpoints has it ready.
 */
export async function repositoryStates(
  services: ProxyServices,
  mayBeSeen: (model: RouteModel) => boolean,
): Promise<readonly IndexEntry[]> {
  const versions = [...services.routes().servers.values()]
    .filter((server) => server.protocol === "open-inference-v2")
    .flatMap((server) => server.models.filter(mayBeSeen))
    .flatMap((model) =>
      model.versions.map(({ version, targets }) => ({ name: model.name, version, targets })),
    );
  const { endpoints } = services.upstream;
  const urlsOf = (targets: readonly RouteTarget[]) =>
    targets.flatMap((target) => endpoints.of(target).map(({ url }) => url));
  const urls = [...new Set(versions.flatMap(({ targets }) => urlsOf(targets)))];
  const listed = new Map(
    await Promise.all(urls.map(async (url) => [url, await listModels(services, url)] as const)),
  );
  return versions.map(({ name, version, targets }): IndexEntry => {
    const states = urlsOf(targets)
      .flatMap((url) => listed.get(url) ?? [])
      .filter((entry) => entry.name === name && entry.version === version)
      .map((entry) => entry.state);
    return { name, version, state: states.includes("READY") ? "READY" : (states[0] ?? "UNAVAILABLE") };
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
    return Array.isArray(value) ? value.flatMap(indexEntry) : [];
  } catch {
    // An engine that cannot be asked has no model ready.
    return [];
  }
}

function indexEntry(value: unknown): IndexEntry[] {
  if (typeof value !== "object" || value === null) return [];
  const { name, version, state } = value as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string") return [];
  return [{ name, version, state: typeof state === "string" ? state : "UNAVAILABLE" }];
}
