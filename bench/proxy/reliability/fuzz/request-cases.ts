import type { Random } from "../../../../optimizer/simulation/random.ts";
import { chance, integer, pick, refused, splitAtRandom, type CaseMaker, type FuzzCase } from "./fuzz-case.ts";
import { envelopeOf, wire, type WireRequest } from "./http-bytes.ts";

/** Holds the id, so that a request is known again whose head was damaged. */
function payloadOf(id: string): string {
  return `{"id":"${id}"}`;
}

function good(id: string, changes: WireRequest = {}): Buffer {
  return wire(id, { body: envelopeOf(payloadOf(id)), ...changes });
}

function acceptedAll(kind: string, writes: readonly Buffer[], ids: readonly string[]): FuzzCase {
  const reaching = new Map(ids.map((id) => [id, Buffer.from(payloadOf(id))]));
  return { kind, writes, expected: "accepted", reaching };
}

/** First lines that are none of the proxy's. */
const requestLine: CaseMaker = (random, id) => {
  const request = pick<WireRequest>(random, [
    { version: "HTTP/1.2" },
    { version: "http/1.1" },
    { version: "" },
    { version: "HTTP/1.1 HTTP/1.1" },
    { method: "post" },
    { method: "GET" },
    { method: "CONNECT", target: "127.0.0.1:1" },
    { method: "TRACE" },
    { method: "PRI", target: "*", version: "HTTP/2.0" },
    { method: "DELETE" },
    { method: "" },
    { target: "http://127.0.0.1:1/predict" },
    { target: "*" },
    { target: "predict" },
    { target: "/predict\0" },
    { target: "//predict" },
    { target: "/predict/../predict" },
    { target: `/${"a".repeat(20_000)}` },
    { target: "/predict#x" },
    { target: "/v2/models/%ff/infer" },
    { target: "/v2/models/bert%00/infer" },
    { target: "/v2/models/../infer" },
    { target: "/v2/models/bert/versions/1%2F..%2F..%2Fx/infer" },
    { target: "/models/%c3%28/1/model" },
    { lines: ["Host: a", "Host: b, c", "Content-Length: 3"] },
  ]);
  return refused("request line", splitAtRandom(random, good(id, request)));
};

/** Versions that Node.js reads as if they were HTTP/1.1, and answers as such: no harm, and no promise either. */
const otherVersion: CaseMaker = (random, id) => ({
  kind: "other version",
  writes: [good(id, { version: pick(random, ["HTTP/0.9", "HTTP/2.0"]) })],
  expected: "either",
  reaching: new Map([[id, Buffer.from(payloadOf(id))]]),
});

/** Names that only the engine knows, which end up in the path to it. */
const enginesOwnNames: CaseMaker = (random, id) => {
  const name = pick(random, [
    "..",
    ".",
    "%2e%2e",
    "a%2F..%2F..",
    "a%0d%0ab",
    "%00",
    "%ed%a0%80",
    "%F0%9F%98%80",
    "a b",
    "a%3Fb",
    "%23",
    "m",
  ]);
  const lines = ["X-Inference-Server: engine-knows"];
  const target = chance(random, 0.5) ? `/v2/models/${name}/infer` : `/v2/models/m/versions/${name}/infer`;
  return {
    kind: "names that only the engine knows",
    writes: [wire(id, { target, lines, body: payloadOf(id) })],
    expected: "either",
    reaching: new Map([[id, Buffer.from(payloadOf(id))]]),
  };
};

/** What is valid, if rare. */
const unusual: CaseMaker = (random, id) => {
  const changes = pick<WireRequest>(random, [
    { version: "HTTP/1.0" },
    { target: "/predict?a=b" },
    { lines: ["Expect: 100-continue"] },
    { lines: ["Range: bytes=0-1"] },
    { lines: ["If-None-Match: *", "If-Match: x"] },
    { lines: ["X-A:\t a \t", "X-A: b"] },
    { lines: ["X-Latin: \xe4\xf6\xfc"] },
    { lines: ["Connection: x-private, close", "X-Private: 1"] },
    { lines: ["Traceparent: \xff\xfe", "Tracestate: a=b"] },
    { lines: ["TE: trailers", "Trailer: X-A", "Keep-Alive: timeout=1"] },
  ]);
  return acceptedAll("unusual", splitAtRandom(random, good(id, changes)), [id]);
};

/** The proxy speaks HTTP/1.1 only, whatever it is asked for. */
const upgrade: CaseMaker = (random, id) => ({
  kind: "upgrade",
  writes: [
    good(id, {
      close: false,
      lines: pick<readonly string[]>(random, [
        ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
        ["Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
      ]),
    }),
  ],
  expected: "either",
  reaching: new Map([[id, Buffer.from(payloadOf(id))]]),
});

const refusedHeaders: CaseMaker = (random, id) =>
  refused("refused by its headers", [
    good(id, {
      lines: pick<readonly string[]>(random, [
        ["Expect: the-unexpected"],
        ["Content-Encoding: gzip"],
        ["Content-Encoding: identity", "Content-Encoding: identity"],
        ["X-Service-Class: none"],
        ["X-Service-Class: Free", "X-Service-Class: Free"],
        ["X-Data-Plane: elsewhere"],
      ]),
    }),
  ]);

/** Several requests at once; each answer has to be that of its own request, in turn. */
const pipelined: CaseMaker = (random, id) => {
  const ids = Array.from({ length: 2 + integer(random, 4) }, (_, index) => `${id}-${index}`);
  const requests = ids.map((one, index) => good(one, index < ids.length - 1 ? { close: false } : {}));
  return acceptedAll("pipelined", splitAtRandom(random, Buffer.concat(requests)), ids);
};

/** The second must not be mixed up with the refused first one, and never be answered in its place. */
const pipelinedAfterRefused: CaseMaker = (random, id) => {
  const second = `${id}-1`;
  const first = wire(`${id}-0`, { close: false, body: `{"refused":true}` });
  return {
    kind: "pipelined after a refused one",
    writes: splitAtRandom(random, Buffer.concat([first, good(second)])),
    expected: "either",
    reaching: new Map([[second, Buffer.from(payloadOf(second))]]),
  };
};

const trailingGarbage: CaseMaker = (random, id) => ({
  kind: "garbage after a request",
  writes: [
    good(id, { close: false }),
    Buffer.from(pick(random, ["\0\0\0", "GARBAGE", "}\r\n\r\n", "\r\n\r\nx"])),
  ],
  expected: "either",
  reaching: new Map([[id, Buffer.from(payloadOf(id))]]),
});

/** Gone before the last byte: no engine hears of it. */
const earlyClose: CaseMaker = (random, id) => {
  const bytes = good(id);
  const cut = bytes.subarray(0, integer(random, bytes.length));
  return refused("gone before the end", splitAtRandom(random, cut), true);
};

/** Gone with the last byte: an engine may hear of it, and nobody else may. */
const goneAtOnce: CaseMaker = (random, id) => ({
  kind: "gone without waiting",
  writes: splitAtRandom(random, good(id)),
  expected: "either",
  reaching: new Map([[id, Buffer.from(payloadOf(id))]]),
  abandons: true,
});

/** Every byte in a write of its own, as slow clients send them. */
const bytewise: CaseMaker = (_random, id) => {
  const bytes = good(id);
  return acceptedAll(
    "byte by byte",
    Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1)),
    [id],
  );
};

/** Stands in the body so often that some of it is left. */
export const damagedMark = "~~";

/** A valid request with some bytes changed, removed, doubled or added. */
const damaged: CaseMaker = (random, id) => {
  const body = envelopeOf(`{"id":"${id}","marks":"${damagedMark.repeat(20)}"}`);
  let bytes = wire(id, { body });
  for (let count = 1 + integer(random, 4); count > 0; count--) bytes = damage(random, bytes);
  return {
    kind: "damaged",
    writes: splitAtRandom(random, bytes),
    expected: "either",
    reaching: new Map([[id, undefined]]),
    // Most wait for more than there is.
    abandons: chance(random, 0.5),
  };
};

const interesting = [
  "\r",
  "\n",
  "\0",
  " ",
  ":",
  ",",
  '"',
  "\\",
  "{",
  "}",
  "\xff",
  "0",
  "-",
  ";",
  "\t",
] as const;

function damage(random: Random, bytes: Buffer): Buffer {
  const at = integer(random, bytes.length);
  const before = bytes.subarray(0, at);
  const inserted = Buffer.from(pick(random, interesting), "latin1");
  switch (integer(random, 4)) {
    case 0:
      return Buffer.concat([before, inserted, bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, bytes.subarray(at + 1 + integer(random, 8))]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, at + 1 + integer(random, 40)), bytes.subarray(at)]);
    default:
      return Buffer.concat([before, inserted, bytes.subarray(at)]);
  }
}

export const requestCases: readonly (readonly [weight: number, make: CaseMaker])[] = [
  [7, requestLine],
  [1, otherVersion],
  [3, enginesOwnNames],
  [4, unusual],
  [2, upgrade],
  [3, refusedHeaders],
  [4, pipelined],
  [3, pipelinedAfterRefused],
  [2, trailingGarbage],
  [4, earlyClose],
  [2, goneAtOnce],
  [0.5, bytewise],
  [12, damaged],
];
