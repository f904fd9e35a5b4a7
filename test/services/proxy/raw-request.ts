import { connect } from "node:net";

/** A proxy that says nothing for this long waits for more than there is. */
const quietMs = 300;

/** Statuses of all answers that a connection gets for these bytes, which no HTTP client has touched. */
export function statusesFor(port: number, bytes: string): Promise<number[]> {
  return new Promise((resolve) => {
    let text = "";
    // The bytes as they are: a text outside ASCII is one of the attempts.
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes, "latin1"));
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
    // A reset is an answer too: the proxy wants nothing more of this client.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve([...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status)));
    });
  });
}

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** Whole header lines, as they go over the wire. */
  readonly lines?: readonly string[];
  readonly body?: string;
}

export const envelope = `{"inference_server_name":"tabular","model_name":"bert","payload":{}}`;

/** The last request of its connection, for /predict, but for what is said otherwise. */
export function raw({
  method = "POST",
  target = "/predict",
  version = "HTTP/1.1",
  lines = [],
  body = envelope,
}: RawRequest): string {
  const length = lines.some((line) => /^(content-length|transfer-encoding)/i.test(line))
    ? []
    : [`Content-Length: ${Buffer.byteLength(body)}`];
  const host = lines.some((line) => /^host/i.test(line)) ? [] : ["Host: proxy"];
  const close = lines.some((line) => /^connection/i.test(line)) ? [] : ["Connection: close"];
  return [`${method} ${target} ${version}`, ...host, ...close, ...length, ...lines, "", body].join("\r\n");
}
