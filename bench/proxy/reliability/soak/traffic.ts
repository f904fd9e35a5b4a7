import { crc32 } from "node:zlib";
import { integer, pick } from "../fuzz/fuzz-case.ts";
import type { Random } from "../../../../optimizer/simulation/random.ts";

export const requestKinds = ["predict", "infer", "stateful infer", "chat", "stream"] as const;

export type RequestKind = (typeof requestKinds)[number];

export const tabularModel = "tabular-model";
export const statefulModel = "stateful-model";
export const chatModel = "chat-model";

export interface SoakRequest {
  /** Unique; what comes back has to carry it. */
  readonly number: number;
  readonly kind: RequestKind;
  readonly bytes: readonly Buffer[];
  /** The only text that is a right answer; of a stream the text of all its events. */
  readonly expected: string;
}

/** Padding that all requests and answers are cut from. */
const padding = "0123456789abcdef".repeat(4_096);

/** Bodies in bytes: most are small, as of tabular models, and some are of tensors. */
const sizes = [700, 700, 700, 700, 2_048, 8_192, 65_536] as const;

/**
 * What an engine answers to a body: the number, the checksum of all that it got, and more text for some, so that
 * neither a mixed-up nor a cut nor a changed request or answer can pass.
 */
export function answerOf(number: number, body: Buffer): string {
  const more = number % 10 === 0 ? padding.slice(number % 1_000) : "";
  return `{"number":${number},"sum":${crc32(body)},"more":"${more}","again":${number}}`;
}

/** The events of a stream. */
export function eventsOf(number: number, body: Buffer): readonly string[] {
  const sum = crc32(body);
  const event = (index: number): string =>
    `data: {"choices":[{"index":0,"delta":{"content":"${number}.${index}.${sum}"}}]}\n\n`;
  return [...Array.from({ length: 2 + (number % 9) }, (_, index) => event(index)), "data: [DONE]\n\n"];
}

export function soakRequest(random: Random, number: number): SoakRequest {
  const share = random();
  const kind: RequestKind =
    share < 0.5
      ? "predict"
      : share < 0.75
        ? "infer"
        : share < 0.8
          ? "stateful infer"
          : share < 0.92
            ? "chat"
            : "stream";
  const size = pick(random, sizes);
  const filler = padding.slice(integer(random, 64), Math.max(size - 150, 100));
  switch (kind) {
    case "predict": {
      const payload = `{"number":${number},"filler":"${filler}"}`;
      const body = `{"inference_server_name":"tabular","model_name":"${tabularModel}","payload":${payload}}`;
      const answer = answerOf(number, Buffer.from(payload));
      return {
        number,
        kind,
        bytes: post("/predict", body),
        expected: `{"status_code":200,"result":${answer}}`,
      };
    }
    case "infer":
    case "stateful infer": {
      const model = kind === "infer" ? tabularModel : statefulModel;
      const body = `{"number":${number},"filler":"${filler}"}`;
      const expected = answerOf(number, Buffer.from(body));
      return { number, kind, bytes: post(`/v2/models/${model}/infer`, body), expected };
    }
    case "chat":
    case "stream": {
      const stream = kind === "stream";
      const body = `{"number":${number},"model":"${chatModel}","stream":${stream},"messages":[{"role":"user","content":"${filler}"}]}`;
      const bytes = Buffer.from(body);
      const expected = stream ? eventsOf(number, bytes).join("") : answerOf(number, bytes);
      return { number, kind, bytes: post("/v1/chat/completions", body), expected };
    }
  }
}

function post(path: string, body: string): readonly Buffer[] {
  const head = `POST ${path} HTTP/1.1\r\nhost: proxy\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return [Buffer.from(head + body, "latin1")];
}
