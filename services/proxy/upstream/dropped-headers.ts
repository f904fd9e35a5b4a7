/**
 * Headers of a client, and metadata of a call, that never go to an engine: those that belong to one connection,
 * credentials, what the proxy decides by itself, and claims about the client that only a trusted hop may make.
 */
const dropped: ReadonlySet<string> = new Set([
  // One connection only (RFC 9110, 7.6.1); the body is sent whole, so its length and framing are the proxy's.
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "host",
  "content-length",
  // Credentials, which an engine has no use for and might log.
  "authorization",
  "proxy-authorization",
  "proxy-authenticate",
  "proxy-connection",
  "cookie",
  "cookie2",
  "api-key",
  "x-api-key",
  // Routing and identity.
  "x-inference-server",
  "x-model-version",
  "x-service-class",
  "x-data-plane",
  "timeout",
  "x-request-id",
  "forwarded",
  "via",
  "x-real-ip",
  // The proxy sets it for every request.
  "accept-encoding",
]);

const droppedPrefixes = ["x-domino-", "x-forwarded-"];

/** Whether a header stays with the proxy, by its name in lower case. */
export function staysHere(name: string): boolean {
  return dropped.has(name) || droppedPrefixes.some((prefix) => name.startsWith(prefix));
}
