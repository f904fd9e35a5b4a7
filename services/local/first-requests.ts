import { performance } from "node:perf_hooks";
import type { RouteServer, RoutingTable } from "../../platform/routes/routing-table.ts";
import { expectedLogits, type InputTensor } from "../emulator/open-inference/expected-logits.ts";

/** The answer of one model to its first request. */
export interface FirstAnswer {
  readonly server: string;
  readonly model: string;
  /** Version that answered; absent for engines that do not say it. */
  readonly version?: string;
  readonly milliseconds: number;
  /** The answer in a few words, or what was wrong with it. */
  readonly summary: string;
  readonly right: boolean;
}

/** Few enough tokens that a slow model answers in about a second. */
const chatTokens = 16;
/** Far above any answer of an emulated engine: only a broken platform takes longer. */
const timeoutMs = 30_000;

const tokens: InputTensor = {
  name: "input_ids",
  datatype: "INT64",
  shape: [1, 8],
  data: [101, 2023, 2003, 1037, 7099, 6251, 1012, 102],
};

/** Sends one request to every model through the proxy, all at once: tensors by the reference contract, chat natively. */
export async function sendFirstRequests(proxyUrl: string, routes: RoutingTable): Promise<FirstAnswer[]> {
  return Promise.all(
    routes.servers.flatMap((server) =>
      server.models.map(async ({ name }): Promise<FirstAnswer> => {
        const startedMs = performance.now();
        const answer = await (server.protocol === "openai" ? chat : predict)(proxyUrl, server, name).catch(
          (error: unknown) => ({
            right: false,
            summary: `no answer (${error instanceof Error ? error.name : "error"})`,
          }),
        );
        return { server: server.name, model: name, milliseconds: performance.now() - startedMs, ...answer };
      }),
    ),
  );
}

type Judged = Pick<FirstAnswer, "right" | "summary" | "version">;

async function predict(proxyUrl: string, server: RouteServer, model: string): Promise<Judged> {
  const { status, body } = await post(`${proxyUrl}/predict`, {
    inference_server_name: server.name,
    inference_server_type: server.type,
    model_name: model,
    payload: { inputs: [tokens] },
  });
  const result = (body as { result?: { model_version?: string; outputs?: { data?: unknown }[] } }).result;
  const version = result?.model_version;
  const data = result?.outputs?.[0]?.data;
  const expected = version === undefined ? undefined : expectedLogits(model, version, [tokens]);
  const right = status === 200 && expected !== undefined && JSON.stringify(data) === JSON.stringify(expected);
  return {
    right,
    summary: right
      ? `logits ${JSON.stringify(data)}`
      : `status ${status}: ${JSON.stringify(body).slice(0, 200)}`,
    ...(version === undefined ? {} : { version }),
  };
}

async function chat(proxyUrl: string, server: RouteServer, model: string): Promise<Judged> {
  const { status, body } = await post(
    `${proxyUrl}/v1/chat/completions`,
    { model, messages: [{ role: "user", content: "What do you serve?" }], max_tokens: chatTokens },
    { "x-inference-server": server.name },
  );
  const answer = body as {
    choices?: { message?: { content?: string } }[];
    usage?: { completion_tokens?: number };
  };
  const text = answer.choices?.[0]?.message?.content ?? "";
  const right = status === 200 && answer.usage?.completion_tokens === chatTokens && text.length > 0;
  return {
    right,
    summary: right
      ? `${chatTokens} tokens: "${text.slice(0, 40)}…"`
      : `status ${status}: ${JSON.stringify(body).slice(0, 200)}`,
  };
}

async function post(
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, body: await response.json() };
}
