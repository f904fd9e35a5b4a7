import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRequestHead } from "../../../../services/proxy/inbound/plain/request-head.ts";

const plain = [
  "POST /predict HTTP/1.1",
  "host: proxy",
  "content-type: application/json",
  "content-length: 2",
];
const bytesOf = (lines: readonly string[], body = "{}") =>
  Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");

describe("a plain head", () => {
  it("is read with its headers as they came", () => {
    const bytes = bytesOf([...plain, "X-Api-Key:  spaced value \t", "x-empty:"]);
    expect(readRequestHead(bytes)).toEqual({
      url: "/predict",
      rawHeaders: [
        ...["host", "proxy", "content-type", "application/json", "content-length", "2"],
        ...["X-Api-Key", "spaced value", "x-empty", ""],
      ],
      contentLength: 2,
      bodyStart: bytes.length - 2,
    });
  });

  it.each([
    ["an incomplete head", ["POST /predict HTTP/1.1", "host: proxy"].join("\r\n")],
    ["another method", "GET /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["another version", "POST /predict HTTP/1.0\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["an absolute target", "POST http://a/predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["a target with a space", "POST /pre dict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["two spaces", "POST  /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["a line feed alone", "POST /predict HTTP/1.1\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["a carriage return in a value", "POST /predict HTTP/1.1\r\nhost: a\rb\r\ncontent-length: 0\r\n\r\n"],
    ["a folded line", "POST /predict HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n"],
    ["a space before the colon", "POST /predict HTTP/1.1\r\nhost : a\r\ncontent-length: 0\r\n\r\n"],
    ["no name", "POST /predict HTTP/1.1\r\nhost: a\r\n: b\r\ncontent-length: 0\r\n\r\n"],
    ["a NUL", "POST /predict HTTP/1.1\r\nhost: a\0\r\ncontent-length: 0\r\n\r\n"],
    ["no host", "POST /predict HTTP/1.1\r\ncontent-length: 0\r\n\r\n"],
    ["two hosts", "POST /predict HTTP/1.1\r\nhost: a\r\nHost: b\r\ncontent-length: 0\r\n\r\n"],
    ["no length", "POST /predict HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["two lengths", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nContent-Length: 0\r\n\r\n"],
    ["a length with a sign", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: +2\r\n\r\n{}"],
    ["a list of lengths", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 2, 2\r\n\r\n{}"],
    ["a hexadecimal length", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0x2\r\n\r\n{}"],
    ["chunks", "POST /predict HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    [
      "chunks and a length",
      "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: x\r\n\r\n{}",
    ],
    [
      "an expectation",
      "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nExpect: 100-continue\r\n\r\n",
    ],
    ["an upgrade", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nupgrade: h2c\r\n\r\n"],
    ["a closing", "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"],
    [
      "settings of HTTP/2",
      "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nhttp2-settings: a\r\n\r\n",
    ],
  ])("is not one with %s", (_what, text) => {
    expect(readRequestHead(Buffer.from(text, "latin1"))).toBeUndefined();
  });

  it("is not one with more than 16 KiB or 100 headers", () => {
    expect(readRequestHead(bytesOf([...plain, `x: ${"a".repeat(20_000)}`]))).toBeUndefined();
    expect(readRequestHead(bytesOf([...plain, ...Array<string>(101).fill("x: y")]))).toBeUndefined();
  });
});

describe("whatever is read as plain", () => {
  let port = 0;
  const seen: { url: string; rawHeaders: string[]; body: string }[] = [];
  const node = createServer((message: IncomingMessage, response) => {
    let body = "";
    message.setEncoding("latin1").on("data", (part: string) => (body += part));
    message.on("end", () => {
      seen.push({ url: message.url ?? "", rawHeaders: message.rawHeaders, body });
      response.end();
    });
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
    ({ port } = node.address() as AddressInfo);
  });
  afterAll(() => node.closeAllConnections());

  /** What Node's own parser makes of the bytes; undefined where it refuses them. */
  const asNode = (bytes: Buffer): Promise<(typeof seen)[number] | undefined> =>
    new Promise((resolve) => {
      const before = seen.length;
      const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
      socket.once("data", () => {
        resolve(seen[before]);
        socket.destroy();
      });
      socket.on("error", () => resolve(undefined));
    });

  const piece = fc.oneof(
    fc.constantFrom("host: a", "content-length: 2", "x-a: b", "Accept: */*", "connection: keep-alive"),
    fc.constantFrom("transfer-encoding: chunked", "content-length: 3", "x-\u00e9: b", "x-b:\u00e9", "x : y"),
    fc.string({ unit: "binary-ascii", maxLength: 12 }),
    fc.string({ unit: "binary-ascii", maxLength: 8 }).map((value) => `x-value: ${value}`),
  );

  it("is read the same by Node's parser", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 4 }), fc.nat(3), async (lines, place) => {
        const head = ["host: proxy", "content-length: 2"];
        head.splice(place % 3, 0, ...lines);
        const bytes = bytesOf(["POST /a?b HTTP/1.1", ...head]);
        const plainHead = readRequestHead(bytes);
        if (!plainHead) return;
        compared++;
        const { url, rawHeaders, contentLength, bodyStart } = plainHead;
        expect(await asNode(bytes)).toEqual({
          url,
          rawHeaders: [...rawHeaders],
          body: bytes.toString("latin1", bodyStart, bodyStart + contentLength),
        });
      }),
      { numRuns: 1_500 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});
