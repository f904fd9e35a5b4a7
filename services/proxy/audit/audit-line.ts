import type { Principal } from "../auth/principal.ts";
import type { RouteLabels } from "../routing/routing-index.ts";
import { jsonText } from "./json-text.ts";

/** What an audit line says of an ended request. Never a payload, a credential or a header. */
export interface AuditEntry {
  readonly requestId: string;
  readonly principal: Principal;
  /** IP address of the other end of the connection, which may be a load balancer; undefined where it is not known. */
  readonly clientAddress: string | undefined;
  readonly method: string;
  /** Without the query string, where clients put credentials. Its first 1,024 characters are written. */
  readonly path: string;
  /** Undefined where the request was refused before its route was known. */
  readonly route: RouteLabels | undefined;
  readonly status: number;
  /** The proxy's own failure; undefined for an answer of an engine, whatever its status. */
  readonly errorCode: string | undefined;
  readonly durationMs: number;
  /** How long the request waited for its turn. */
  readonly queueMs: number;
  /** Of the request's body or messages, as far as they were read. */
  readonly requestBytes: number;
  /** Of the answer's body or messages, as far as they were written. */
  readonly answerBytes: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The only value that a client makes as long as it likes; names that the proxy knows are far shorter. */
const longestPath = 1_024;

/** What is the same for all requests of a caller or a route, written once; both live as long as what they are of. */
const principalParts = new WeakMap<Principal, string>();
const routeParts = new WeakMap<RouteLabels, string>();

/** One line of JSON, with its line feed. `time`: when the request ended, ISO 8601 in UTC. */
export function auditLine(entry: AuditEntry, time: string): string {
  const { clientAddress, path, route, errorCode } = entry;
  return (
    `{"type":"audit","time":"${time}","requestId":${jsonText(entry.requestId)},` +
    principalPart(entry.principal) +
    (clientAddress === undefined ? "" : `,"clientAddress":${jsonText(clientAddress)}`) +
    `,"method":${jsonText(entry.method)},` +
    `"path":${jsonText(path.length > longestPath ? path.slice(0, longestPath) : path)}` +
    (route ? routePart(route) : "") +
    `,"status":${entry.status}` +
    (errorCode === undefined ? "" : `,"errorCode":${jsonText(errorCode)}`) +
    `,"durationMs":${tenths(entry.durationMs)},"queueMs":${tenths(entry.queueMs)}` +
    `,"requestBytes":${entry.requestBytes},"answerBytes":${entry.answerBytes}` +
    `,"inputTokens":${entry.inputTokens},"outputTokens":${entry.outputTokens}}\n`
  );
}

function principalPart(principal: Principal): string {
  let part = principalParts.get(principal);
  if (part === undefined) {
    const { kind, id, caller, key } = principal;
    part =
      `"principal":{"kind":${jsonText(kind)},"id":${jsonText(id)},` +
      `"caller":${jsonText(caller)},"key":${jsonText(key)}}`;
    principalParts.set(principal, part);
  }
  return part;
}

function routePart(route: RouteLabels): string {
  let part = routeParts.get(route);
  if (part === undefined) {
    part =
      `,"server":${jsonText(route.server)},"model":${jsonText(route.model)},` +
      `"version":${jsonText(route.version)},"serviceClass":${jsonText(route.service_class)}`;
    routeParts.set(route, part);
  }
  return part;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
