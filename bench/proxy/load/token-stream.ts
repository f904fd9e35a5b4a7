import { createServer, request, type Agent, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chatRequest, streamModel } from "./requests.ts";

/** An engine whose streams are written by the bench itself, so that it knows when each token left. */
export interface StreamEngine {
  readonly url: string;
  /** Called for each new stream, with the response whose head has been sent. */
  onStream: (response: ServerResponse) => void;
  stop(): Promise<void>;
}

export async function startStreamEngine(): Promise<StreamEngine> {
  const engine = { onStream: (response: ServerResponse): void => void response.end() };
  const server = createServer((message, response) => {
    message.resume().on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      engine.onStream(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(engine, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** The event of one token, with a mark that the client reads back. */
export function tokenEvent(mark: string): string {
  const choices = [{ index: 0, delta: { content: " token" }, finish_reason: null }];
  const chunk = {
    id: mark,
    object: "chat.completion.chunk",
    created: 1_750_000_000,
    model: streamModel,
    choices,
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

export const lastEvent = "data: [DONE]\n\n";

const { path, body } = chatRequest(true);

/** Asks for a stream and reads it to its end; `onMark` gets the mark of each token when its last byte has come. */
export function readStream(url: string, agent: Agent, onMark: (mark: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request(`${url}${path}`, { method: "POST", agent, headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${url} answered ${response.statusCode}`));
      let rest = "";
      let finished = false;
      response.setEncoding("latin1");
      response.on("data", (text: string) => {
        const events = (rest + text).split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) {
          if (event === "data: [DONE]") finished = true;
          else onMark(/^data: \{"id":"([^"]*)"/.exec(event)?.[1] ?? "");
        }
      });
      response.on("end", () => (finished ? resolve() : reject(new Error("a stream ended early"))));
      response.on("error", reject);
    });
    asked.setNoDelay(true);
    asked.on("error", reject);
    asked.end(body);
  });
}
