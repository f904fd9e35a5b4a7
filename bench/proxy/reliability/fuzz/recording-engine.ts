import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What an engine was asked. */
export interface Recorded {
  readonly url: string;
  readonly body: Buffer;
}

/** Engines answer within the deadline with the id of the request, and remember what they were asked. */
export interface RecordingEngine {
  readonly url: string;
  /** Requests since the last `forget`, by request id. */
  readonly recorded: Map<string, Recorded[]>;
  /** What the proxy sent that is not HTTP, or leads elsewhere. */
  readonly complaints: string[];
  stop(): Promise<void>;
}

/** Paths that the fuzzed requests may lead to, in the only form that servers cannot read in two ways. */
const knownPath =
  /^\/v2\/models\/(?!\.{1,2}\/)[\w.%~!*'()-]+(?:\/versions\/(?!\.{1,2}\/)[\w.%~!*'()-]+)?\/infer$|^\/v1\/chat\/completions$/;

export async function startRecordingEngine(): Promise<RecordingEngine> {
  const recorded = new Map<string, Recorded[]>();
  const complaints: string[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const { url = "", headers } = message;
      const id = String(headers["x-request-id"]);
      const body = Buffer.concat(chunks);
      recorded.set(id, [...(recorded.get(id) ?? []), { url, body }]);
      if (!knownPath.test(url)) complaints.push(`asked for ${url}`);
      if (headers["transfer-encoding"] !== undefined) complaints.push(`a body in chunks for ${url}`);
      const answer = JSON.stringify({ answers: id });
      response
        .writeHead(200, { "content-type": "application/json", "content-length": answer.length })
        .end(answer);
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== "ECONNRESET") complaints.push(`sent what is not HTTP: ${error.message}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    recorded,
    complaints,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
