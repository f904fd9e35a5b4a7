/** Whole header lines and a body, as they go over the wire; nothing is corrected. */
export interface WireRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly lines?: readonly string[];
  readonly body?: Buffer | string;
  /** Says the right length of the body, unless this is false. */
  readonly length?: false;
  /** Ends the connection after the answer, unless this is false. */
  readonly close?: false;
}

/** Bytes of a request, by default of /predict, with the id that engines see. */
export function wire(id: string, request: WireRequest): Buffer {
  const { method = "POST", target = "/predict", version = "HTTP/1.1", lines = [], body = "" } = request;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const head = [
    `${method} ${target} ${version}`,
    ...(lines.some((line) => /^host/i.test(line)) ? [] : ["Host: proxy"]),
    `X-Request-Id: ${id}`,
    ...(request.close === false ? [] : ["Connection: close"]),
    ...lines,
    ...(request.length === false ? [] : [`Content-Length: ${bytes.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

/** The envelope of a payload, in the shape that clients send it. */
export function envelopeOf(payload: string, server = "tabular", model = "bert"): string {
  return `{"inference_server_name":"${server}","model_name":"${model}","payload":${payload}}`;
}

/** A body in the chunks given, well-formed. */
export function chunked(parts: readonly Buffer[], extension = "", trailers = ""): Buffer {
  const chunks = parts
    .filter(({ length }) => length > 0)
    .flatMap((part) => [
      Buffer.from(`${part.length.toString(16)}${extension}\r\n`),
      part,
      Buffer.from("\r\n"),
    ]);
  return Buffer.concat([...chunks, Buffer.from(`0\r\n${trailers}\r\n`)]);
}
