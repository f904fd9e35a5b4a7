import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AnswerInvalid,
  AnswerParser,
  type AnswerHead,
} from "../../../../../services/proxy/upstream/connection/answer-parser.ts";

interface Read {
  readonly head: AnswerHead | undefined;
  readonly body: string;
  readonly ended: boolean;
  readonly reusable: boolean;
}

/** What a parser makes of an answer that comes in these reads; the engine closes the connection at their end. */
function read(reads: readonly Buffer[], closes = true): Read {
  const parser = new AnswerParser();
  let head: AnswerHead | undefined;
  let ended = false;
  const body: Buffer[] = [];
  parser.begin({
    onHead: (one) => {
      if (head) throw new Error("a second head");
      head = one;
    },
    onBody: (chunk) => {
      if (!head || ended) throw new Error("a body without its head");
      body.push(Buffer.from(chunk));
    },
    onEnd: () => {
      if (ended) throw new Error("a second end");
      ended = true;
    },
  });
  for (const bytes of reads) if (bytes.length > 0) parser.feed(bytes);
  const { reusable } = parser;
  if (closes) parser.close();
  return { head, body: Buffer.concat(body).toString("latin1"), ended, reusable };
}

/** All the places to cut at, as shares of the length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function cut(bytes: Buffer, shares: readonly number[]): Buffer[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).toSorted((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

const bytewise = (bytes: Buffer): Buffer[] =>
  Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const framing = new Set([
  "connection",
  "content-length",
  "content-type",
  "keep-alive",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const answer = fc.record({
  status: fc.constantFrom(200, 201, 204, 304, 400, 404, 429, 500, 503),
  interim: fc.array(fc.constantFrom(100, 102, 103), { maxLength: 3 }),
  headers: fc.array(
    fc.tuple(
      token.filter((name) => !framing.has(name.toLowerCase())),
      fc.stringMatching(/^[!-~\x80-\xff]{0,20}$/),
    ),
    { maxLength: 6 },
  ),
  body: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  form: fc.constantFrom("length", "chunks", "until close"),
  chunkCuts: cuts,
  close: fc.boolean(),
});

type Answer = typeof answer extends fc.Arbitrary<infer Value> ? Value : never;

function bytesOf({ status, interim, headers, body, form, chunkCuts, close }: Answer): Buffer {
  const bodyless = status === 204 || status === 304;
  const lines = headers.map(([name, value]) => `${name}: \t${value} \r\n`);
  if (close) lines.push("Connection: close\r\n");
  if (form === "length") lines.push(`Content-Length: ${body.length}\r\n`);
  if (form === "chunks") lines.push("Transfer-Encoding: Chunked\r\n");
  const chunks = cut(body, chunkCuts)
    .filter(({ length }) => length > 0)
    .flatMap((chunk) => [Buffer.from(`0${chunk.length.toString(16)};x=y\r\n`), chunk, Buffer.from("\r\n")]);
  return Buffer.concat([
    Buffer.from(interim.map((code) => `HTTP/1.1 ${code} Wait\r\nx-early: 1\r\n\r\n`).join("")),
    Buffer.from(`HTTP/1.1 ${status} \r\nContent-Type: a/b\r\n${lines.join("")}\r\n`, "latin1"),
    ...(bodyless ? [] : form === "chunks" ? [...chunks, Buffer.from("0\r\nx-late: 1\r\n\r\n")] : [body]),
  ]);
}

describe("answers in reads of any size", () => {
  it("are the same wherever they are cut", () => {
    fc.assert(
      fc.property(answer, cuts, (given, shares) => {
        const bytes = bytesOf(given);
        const whole = read([bytes]);
        const bodyless = given.status === 204 || given.status === 304;
        expect(whole.head?.status).toBe(given.status);
        expect(whole.body).toBe(bodyless ? "" : given.body.toString("latin1"));
        expect(whole.ended).toBe(true);
        expect(whole.reusable).toBe(!given.close && (bodyless || given.form !== "until close"));
        expect(whole.head?.headers).toEqual([
          ...["content-type", "a/b"],
          ...given.headers.flatMap(([name, value]) => [name.toLowerCase(), value]),
        ]);
        expect(read(cut(bytes, shares))).toEqual(whole);
        expect(read(bytewise(bytes))).toEqual(whole);
      }),
      { numRuns: 1_500 },
    );
  });

  it("are not complete before their last byte", () => {
    fc.assert(
      fc.property(answer, fc.double({ min: 0, max: 0.9999, noNaN: true }), (given, share) => {
        const bodyless = given.status === 204 || given.status === 304;
        fc.pre(given.form !== "until close" || bodyless);
        const bytes = bytesOf(given);
        expect(read([bytes.subarray(0, Math.floor(share * bytes.length))]).ended).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it("never let what follows pass for a part of them or for the next answer", () => {
    fc.assert(
      fc.property(
        answer,
        cuts,
        fc.constantFrom("x", "\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
        (given, shares, more) => {
          const bodyless = given.status === 204 || given.status === 304;
          fc.pre(given.form !== "until close" || bodyless);
          const bytes = bytesOf(given);
          const followed = read([Buffer.concat([bytes, Buffer.from(more)])]);
          expect(followed).toEqual({ ...read([bytes]), reusable: false });
          expect(() => read([...cut(bytes, shares), Buffer.from(more)])).toThrow(AnswerInvalid);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("are read or refused, whatever the bytes", () => {
    const pieces = fc.constantFrom(
      ...[
        "HTTP/1.1 200 OK",
        "HTTP/1.0 500",
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        " ",
        ":",
        "\0",
        "0",
        "5",
        "fffffffffffff",
      ],
      ...[
        "Content-Length",
        "Transfer-Encoding",
        "chunked",
        "Connection",
        "close",
        "hello",
        ";",
        ",",
        "\xff",
        "-1",
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), cuts, (parts, shares) => {
        const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${parts.join("")}`, "latin1");
        const outcome = (reads: readonly Buffer[]): unknown => {
          try {
            const { ended, body } = read(reads, false);
            return { ended, body };
          } catch (error) {
            expect(error).toBeInstanceOf(AnswerInvalid);
            return "refused";
          }
        };
        const whole = outcome([bytes]);
        const inParts = outcome(cut(bytes, shares));
        // What follows an answer is ignored in the same read, and refused in another one.
        if (inParts === "refused" && whole !== "refused") expect(whole).toMatchObject({ ended: true });
        else expect(inParts).toEqual(whole);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("answers that two readers could end in two places", () => {
  const body = "hello";
  const refusedAnswers: Record<string, string> = {
    "length and coding": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "list of lengths": "Content-Length: 5, 5\r\n\r\nhello",
    "signed length": "Content-Length: +5\r\n\r\nhello",
    "hexadecimal length": "Content-Length: 0x5\r\n\r\nhello",
    "length of too many digits": "Content-Length: 99999999999999999999\r\n\r\nhello",
    "empty length": "Content-Length:\r\n\r\nhello",
    "length with a control character": "Content-Length: \x0b5\r\n\r\nhello",
    "length with a blank that is none": "Content-Length: \xa05\r\n\r\nhello",
    "two codings": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "obfuscated coding": "Transfer-Encoding: xchunked\r\n\r\nhello",
    "name with a blank": "Content-Length : 5\r\n\r\nhello",
    "folded line": "X-A: b\r\n Content-Length: 5\r\n\r\nhello",
    "bare line feed": "X-A: b\nContent-Length: 3\r\n\r\nhello",
    "bare carriage return": "X-A: b\rContent-Length: 3\r\n\r\nhello",
    "null byte": "X-A: b\0c\r\n\r\nhello",
    "line without a colon": "X-A\r\n\r\nhello",
    "chunk size with a sign": "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk size with a prefix": "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size without digits": "Transfer-Encoding: chunked\r\n\r\n;a\r\nhello\r\n0\r\n\r\n",
    "chunk size of too many digits":
      "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk size that ends in a line feed": "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "chunk longer than its size": "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    "endless chunk extension": `Transfer-Encoding: chunked\r\n\r\n5;${"e".repeat(10_000)}\r\nhello\r\n0\r\n\r\n`,
    "endless trailers": `Transfer-Encoding: chunked\r\n\r\n0\r\n${"X-A: b\r\n".repeat(20_000)}`,
    "endless headers": `${"X-A: b\r\n".repeat(20_000)}`,
  };

  it.each(Object.entries(refusedAnswers))("%s: refused wherever they are cut", (_name, rest) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${rest}`, "latin1");
    expect(() => read([bytes])).toThrow(AnswerInvalid);
    fc.assert(
      fc.property(cuts, (shares) => void expect(() => read(cut(bytes, shares))).toThrow(AnswerInvalid)),
      { numRuns: 30 },
    );
  });

  it("a line feed or carriage return in the status line, and statuses that are none", () => {
    const lines = [
      "200 OK\nContent-Length: 3",
      "200\rContent-Length: 3",
      "2000 OK",
      "20 OK",
      "999 No",
      "200\tOK",
    ];
    for (const line of lines) {
      expect(() => read([Buffer.from(`HTTP/1.1 ${line}\r\nContent-Length: 5\r\n\r\nhello`)])).toThrow(
        AnswerInvalid,
      );
    }
  });

  it("chunks of HTTP/1.0, which has none", () => {
    const bytes = Buffer.from("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect(() => read([bytes])).toThrow(AnswerInvalid);
  });

  it("a connection that is to be closed and kept: closed", () => {
    for (const options of ["close\r\nConnection: keep-alive", "keep-alive\r\nConnection: close"]) {
      const head = `HTTP/1.1 200 OK\r\nConnection: ${options}\r\nContent-Length: 5\r\n\r\n`;
      expect(read([Buffer.from(head + body)])).toMatchObject({ body, ended: true, reusable: false });
    }
  });
});
