import { answerJson } from "../inbound/answer.ts";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import type { ProxyServices } from "./services.ts";

/** An endpoint that takes longer to list its models is reported as unavailable. */
const timeoutMs = 5_000;
const maxIndexBytes = 1024 * 1024;

interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: string;
}

/**
 * `POST /v2/repository/index`: the models of all Open Inference engines. The routing table says which exist, the
 * engines in which state they are; a version is READY as soon as one of its endpoints has it ready.
 */
export async function handleRepositoryIndex(services: ProxyServices, inbound: InboundRequest): Promise<void> {
  // The body only asks to leave out what is not ready; the list is the same for all clients.
  inbound.message.resume();
  const versions = [...services.routes().servers.values()]
    .filter((server) => server.protocol === "open-inference-v2")
    .flatMap((server) =>
      server.models.flatMap((model) =>
        model.versions.map(({ version, targets }) => ({ name: model.name, version, targets })),
      ),
    );
  const urls = [...new Set(versions.flatMap(({ targets }) => targets.flatMap((target) => target.endpoints)))];
  const listed = new Map(
    await Promise.all(urls.map(async (url) => [url, await listModels(services, url)] as const)),
  );
  answerJson(
    inbound,
    200,
    versions.map(({ name, version, targets }): IndexEntry => {
      const states = targets
        .flatMap((target) => target.endpoints)
        .flatMap((url) => listed.get(url) ?? [])
        .filter((entry) => entry.name === name && entry.version === version)
        .map((entry) => entry.state);
      return { name, version, state: states.includes("READY") ? "READY" : (states[0] ?? "UNAVAILABLE") };
    }),
  );
}

async function listModels(services: ProxyServices, url: string): Promise<readonly IndexEntry[]> {
  const endpoint = services.upstream.endpoints.get(url);
  try {
    const { statusCode, body } = await endpoint.pool.request({
      method: "POST",
      path: `${endpoint.basePath}/v2/repository/index`,
      headers: { "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxIndexBytes) return [];
      chunks.push(chunk);
    }
    const value: unknown = statusCode === 200 ? JSON.parse(Buffer.concat(chunks).toString("utf8")) : [];
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
