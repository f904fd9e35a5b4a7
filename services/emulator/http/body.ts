import type { IncomingMessage, ServerResponse } from "node:http";

/** Largest request body in bytes: 16 MiB holds two million INT64 values as JSON. */
export const maxBodyBytes = 16 * 1024 * 1024;

export type RequestBody =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "too-large" }
  /** The client went away before it had sent everything: there is nobody to answer. */
  | { readonly kind: "gone" };

/** Reads a body up to `maxBodyBytes`. */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // The rest of a refused body is read and dropped: a connection closed on unread data loses the answer on its way.
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch {
    return { kind: "gone" };
  }
  return bytes > maxBodyBytes
    ? { kind: "too-large" }
    : { kind: "read", text: Buffer.concat(chunks).toString("utf8") };
}

/** Writes a whole JSON answer. Some servers declare some of their JSON as plain text. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  contentType: "application/json" | "text/plain" = "application/json",
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** Writes a status without a body. */
export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0 });
  response.end();
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value that a text stands for; nothing where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
