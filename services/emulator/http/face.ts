import type { IncomingMessage, ServerResponse } from "node:http";

/** What one replica says over HTTP: the language of the engine that it stands in for. */
export interface Face {
  /** Answers a request; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Stops the engine behind it; requests in it get no answer. */
  stop(): void;
}

/** Path of a request without its query, split at slashes and percent-decoded; nothing where it is malformed. */
export function pathSegments(request: IncomingMessage): readonly string[] | undefined {
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
