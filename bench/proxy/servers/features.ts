import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { RateLimit } from "../../../platform/routes/routing-table.ts";
import type { RepeatedRequest } from "../load/wrk.ts";
import type { ProxySetting } from "./proxy.ts";

/** A caller that Domino knows. */
const apiKey = "7f3c1f0d5a0e4b6f9d2c8e1a4b7d0c3f6a9e2d5b8c1f4a7e0d3b6c9f2a5e8d1b";
const user = "ada";

/** What a feature adds to the bare proxy: here, and nowhere else, a new one is added to the bench. */
interface Feature extends Omit<ProxySetting, "name"> {
  readonly name: string;
  /** What its requests carry. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** So high that nothing is refused: what is measured is the counting. */
const unreached: RateLimit = { requestsPerMinute: 1e9, tokensPerMinute: 1e12 };

// Metrics are always on.
function features(dominoUrl: string): readonly Feature[] {
  return [
    {
      name: "auth by cached key",
      args: ["--auth", "domino", "--domino-host", dominoUrl],
      headers: { "x-domino-api-key": apiKey },
    },
    {
      name: "rate limits",
      args: [],
      table: { callerRate: unreached, keyRate: unreached },
      model: { rate: unreached },
    },
    { name: "concurrency", args: [], model: { concurrency: { running: 10_000, queued: 1_000 } } },
    { name: "allow list", args: [], model: { allow: { users: [user] } } },
    {
      name: "alias, sticky version",
      args: [],
      model: { aliases: { stable: "1" }, sticky: { by: "caller" } },
    },
    {
      name: "session affinity",
      args: [],
      model: { affinity: { by: "session", header: "x-session" } },
      headers: { "x-session": "7" },
    },
  ];
}

/** The proxy with every feature on, and a request as it then must be. */
export function everyFeature(
  dominoUrl: string,
  request: RepeatedRequest,
): { readonly setting: ProxySetting; readonly request: RepeatedRequest; readonly names: readonly string[] } {
  const all = features(dominoUrl);
  const merged = all.reduce<Omit<ProxySetting, "name">>(
    (sum, { args, model, table }) => ({
      args: [...sum.args, ...args],
      model: { ...sum.model, ...model },
      table: { ...sum.table, ...table },
    }),
    { args: [] },
  );
  return {
    setting: { name: "all features", ...merged },
    request: {
      ...request,
      headers: Object.assign({}, request.headers, ...all.map(({ headers }) => headers)),
    },
    names: all.map(({ name }) => name),
  };
}

/** Answers as Domino does who a key belongs to. */
export async function startDomino(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const principal = JSON.stringify({
    isAnonymous: false,
    isAdmin: false,
    canonicalId: "1",
    canonicalName: user,
  });
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(principal);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
