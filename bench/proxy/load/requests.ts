import type { RepeatedRequest } from "./wrk.ts";

/** What the engines of the bench serve; the routing table says the same. */
export const tabularServer = "tabular";
export const tabularModel = "bert";
export const chatServer = "chat";
export const chatModel = "llama";
/** Served by an engine of its own, which streams. */
export const streamModel = "llama-stream";

/** About what a small classifier is asked. */
export const smallBytes = 700;

/** Integers above 2^53, all different, which a JSON parser with doubles would change. */
export function tensorEnvelope(bytes: number): string {
  const head = `{"inference_server_name":"${tabularServer}","model_name":"${tabularModel}","model_version":"1","payload":{"inputs":[{"name":"input_ids","datatype":"INT64","shape":[1,`;
  const between = `],"data":[`;
  const tail = `]}]}}`;
  const firstValue = 9_007_199_254_740_993n;
  const bytesPerValue = String(firstValue).length + 1;
  const count = Math.max(1, Math.floor((bytes - head.length - between.length - tail.length) / bytesPerValue));
  const values = Array.from({ length: count }, (_, index) => String(firstValue + 2n * BigInt(index)));
  return `${head}${count}${between}${values.join(",")}${tail}`;
}

/** A `/predict` request of about so many bytes. */
export function predictRequest(bytes: number): RepeatedRequest {
  return { path: "/predict", body: tensorEnvelope(bytes) };
}

/** A short chat. */
export function chatRequest(stream: boolean): RepeatedRequest {
  const messages = [
    { role: "system", content: "You answer in one sentence." },
    { role: "user", content: `What does a reverse proxy do? ${"Please be brief. ".repeat(20)}` },
  ];
  const asked = stream ? { model: streamModel, stream } : { model: chatModel };
  const body = { ...asked, messages, max_tokens: 64 };
  return { path: "/v1/chat/completions", body: JSON.stringify(body) };
}

/** What the engines answer, by path prefix. */
export const engineAnswers: Readonly<Record<string, string>> = {
  "/": JSON.stringify({
    model_name: tabularModel,
    model_version: "1",
    outputs: [
      { name: "logits", datatype: "FP32", shape: [1, 4], data: [0.12345678, 0.23456789, 0.345678, 0.2962] },
    ],
  }),
  "/v1/": JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_750_000_000,
    model: chatModel,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: "It stands in front of servers and passes requests on to them.",
        },
        finish_reason: "stop",
      },
    ],
    usage: { prompt_tokens: 120, completion_tokens: 13, total_tokens: 133 },
  }),
};
