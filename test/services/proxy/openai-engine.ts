import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { json, startEngine, type Engine, type Received } from "./testbed.ts";

interface Asked {
  readonly model: string;
  readonly input: string | readonly string[];
  readonly encoding_format?: "float" | "base64";
  readonly stream?: boolean;
}

/** An engine that answers embeddings, `[length of the text, 0.5]` each, and responses, which repeat what was said. */
export function startApiEngine(): Promise<Engine> {
  return startEngine(({ url, body }, response) => {
    const asked = JSON.parse(body.toString()) as Asked;
    if (url === "/v1/embeddings") return json(response, 200, embeddings(asked));
    if (url !== "/v1/responses") return json(response, 404, { error: { message: "Not Found" } });
    if (!asked.stream) return json(response, 200, responseTo(asked));
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of responseEvents(asked)) {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    return response.end();
  });
}

function embeddings({ model, input, encoding_format }: Asked): object {
  const data = [input].flat().map((text, index) => {
    const numbers = [text.length, 0.5];
    const base64 = Buffer.from(Float32Array.from(numbers).buffer).toString("base64");
    return { object: "embedding", index, embedding: encoding_format === "base64" ? base64 : numbers };
  });
  return { object: "list", model, data, usage: { prompt_tokens: 2, total_tokens: 2 } };
}

const said = ({ input }: Asked): string => `you said ${[input].flat().join(" ")}`;

function responseTo(asked: Asked): object {
  const content = [{ type: "output_text", text: said(asked), annotations: [] }];
  return {
    id: "resp_1",
    object: "response",
    model: asked.model,
    status: "completed",
    output: [{ id: "msg_1", type: "message", role: "assistant", status: "completed", content }],
    usage: { input_tokens: 2, output_tokens: 3, total_tokens: 5 },
  };
}

function responseEvents(asked: Asked): readonly { readonly type: string }[] {
  const deltas = said(asked)
    .split(/(?<= )/)
    .map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", delta }));
  const created = { type: "response.created", response: { id: "resp_1", status: "in_progress", output: [] } };
  const completed = { type: "response.completed", response: responseTo(asked) };
  return [created, ...deltas, completed].map((event, sequence_number) => ({ ...event, sequence_number }));
}

export interface SilentEngine extends Engine {
  readonly asked: Promise<Received>;
  /** When the connection of the request is given up. */
  readonly closed: Promise<unknown>;
}

/** An engine that never ends its answer, which is a stream where there is a beginning of one. */
export async function startSilentEngine(beginning?: string): Promise<SilentEngine> {
  const asked = Promise.withResolvers<Received>();
  const closed = Promise.withResolvers<unknown>();
  const engine = await startEngine((received, response) => {
    response.once("close", () => closed.resolve(received));
    if (beginning !== undefined) {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(beginning);
    }
    asked.resolve(received);
  });
  return { ...engine, asked: asked.promise, closed: closed.promise };
}

/** A file with the token of one service; goes with the test. */
export async function tokensFile(token: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "proxy-tokens-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens.json");
  await writeFile(file, JSON.stringify([{ name: "batch", roles: [], token }]));
  return file;
}
