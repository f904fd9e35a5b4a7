import { connect } from "node:net";
import type { FuzzCase } from "./fuzz-case.ts";

/** One answer of the proxy, 1xx left out. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

export interface CaseResult {
  readonly answers: readonly RawAnswer[];
  /** What came that is no HTTP answer, or empty. */
  readonly rest: string;
  /** The proxy left the connection open without an answer for as long as the client waited. */
  readonly waitedInVain: boolean;
}

/** A client waits this long for more where bytes are such that the proxy may wait too. */
const patienceMs = 150;
/** And this long where an answer has to come, on however busy a machine. */
const longPatienceMs = 20_000;

/** Sends a case on a connection of its own and reads until the proxy closes it. */
export function runCase(port: number, { writes, abandons, expected }: FuzzCase): Promise<CaseResult> {
  return new Promise((resolve) => {
    let text = "";
    let waitedInVain = false;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const patience = setTimeout(
      () => {
        waitedInVain = true;
        socket.destroy();
      },
      expected === "accepted" ? longPatienceMs : patienceMs + longPatienceOf(writes),
    );
    socket.on("connect", () => {
      // Written in turns of the event loop, which makes most of them segments of their own.
      const left = writes.values();
      const next = (): void => {
        const { value, done } = left.next();
        if (socket.destroyed) return;
        if (!done) socket.write(value, () => setImmediate(next));
        else if (abandons === true) socket.destroy();
      };
      next();
    });
    socket.setEncoding("latin1").on("data", (chunk) => (text += String(chunk)));
    // A reset is an answer too: the proxy wants nothing more of this client.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(patience);
      resolve({ ...parseAnswers(text), waitedInVain });
    });
  });
}

/** Bodies of megabytes take their time to be read. */
function longPatienceOf(writes: readonly Buffer[]): number {
  return writes.reduce((bytes, { length }) => bytes + length, 0) / 1_000;
}

function parseAnswers(text: string): { answers: RawAnswer[]; rest: string } {
  const answers: RawAnswer[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\r\n\r\n", at);
    const head = end < 0 ? "" : text.slice(at, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (!(status >= 100)) break;
    // Node.js refuses expectations with an empty body in chunks; all other answers have a length.
    const isChunked = /\r\ntransfer-encoding: chunked/i.test(head);
    const length = isChunked ? 5 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const body = text.slice(end + 4, end + 4 + length);
    if (body.length < length || (isChunked && body !== "0\r\n\r\n")) break;
    at = end + 4 + length;
    if (status >= 200) answers.push({ status, body });
  }
  return { answers, rest: text.slice(at) };
}
