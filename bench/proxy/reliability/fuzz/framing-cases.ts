import type { Random } from "../../../../optimizer/simulation/random.ts";
import { chance, integer, pick, refused, splitAtRandom, type CaseMaker, type FuzzCase } from "./fuzz-case.ts";
import { chunked, envelopeOf, wire, type WireRequest } from "./http-bytes.ts";

const payload = `{"inputs":[9007199254740993]}`;
const body = envelopeOf(payload);
const payloadBytes = Buffer.from(payload);
const bodyBytes = Buffer.from(body);

/** A request that a proxy could be made to send on within the body of another. */
const smuggled = wire("smuggled", { target: "/v2/models/bert/infer", body: "{}" }).toString("latin1");

function accepted(kind: string, random: Random, id: string, request: WireRequest): FuzzCase {
  return {
    kind,
    writes: splitAtRandom(random, wire(id, request)),
    expected: "accepted",
    reaching: new Map([[id, payloadBytes]]),
  };
}

/** Lengths that no two parsers agree on. */
const wrongLength: CaseMaker = (random, id) => {
  const { length } = bodyBytes;
  const value = pick(random, [
    `+${length}`,
    `-${length}`,
    `0x${length.toString(16)}`,
    `${length}, ${length}`,
    `${length} ${length}`,
    `${length}.0`,
    "",
    "1e2",
    "99999999999999999999999999",
    `${length}\x0b`,
    `${length}\r\nContent-Length: ${length + 1}`,
    `${length}\r\nContent-Length: ${length}`,
    `${integer(random, length)}`,
  ]);
  return refused(
    "wrong content-length",
    splitAtRandom(random, wire(id, { lines: [`Content-Length: ${value}`], length: false, body })),
  );
};

/** The announced body never comes: nothing may be sent on. */
const longerLength: CaseMaker = (random, id) =>
  refused(
    "content-length above the body",
    [wire(id, { lines: [`Content-Length: ${body.length + 1 + integer(random, 50)}`], length: false, body })],
    true,
  );

const lengthAndCoding: CaseMaker = (random, id) => {
  const lines = [`Content-Length: ${bodyBytes.length}`, "Transfer-Encoding: chunked"];
  const request = wire(id, {
    lines: chance(random, 0.5) ? lines : lines.toReversed(),
    length: false,
    body: chance(random, 0.5) ? `0\r\n\r\n${smuggled}` : chunked([bodyBytes]),
  });
  return refused("content-length and transfer-encoding", splitAtRandom(random, request));
};

/** Codings that one parser takes for chunked and another does not. */
const codings = [
  "xchunked",
  "chunked, identity",
  "chunked;q=1",
  "chunk",
  "identity",
  "chunked\x0b",
  "\x0bchunked",
  '"chunked"',
  "chunked\0",
  "chun\r\n ked",
  "chunked\r\nTransfer-Encoding: identity",
] as const;

const obfuscatedCoding: CaseMaker = (random, id) => {
  const line = chance(random, 0.8)
    ? `Transfer-Encoding: ${pick(random, codings)}`
    : pick(random, [
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer\0-Encoding: chunked",
      ]);
  return refused(
    "obfuscated transfer-encoding",
    splitAtRandom(random, wire(id, { lines: [line], length: false, body: `0\r\n\r\n${smuggled}` })),
  );
};

const validChunks: CaseMaker = (random, id) =>
  accepted("valid chunks", random, id, {
    lines: [pick(random, ["Transfer-Encoding: chunked", "transfer-encoding:\tChunked "])],
    length: false,
    body: chunked(
      splitAtRandom(random, bodyBytes),
      pick(random, ["", "", ";a=b", ';a="b"']),
      pick(random, ["", "", "X-A: b\r\n", "X-Model-Version: 9\r\n"]),
    ),
  });

const brokenChunks: CaseMaker = (random, id) => {
  const size = bodyBytes.length.toString(16);
  const text = pick(random, [
    `0x${size}\r\n${body}\r\n0\r\n\r\n`,
    `-${size}\r\n${body}\r\n0\r\n\r\n`,
    `+${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size} 1\r\n${body}\r\n0\r\n\r\n`,
    `${size}\n${body}\r\n0\r\n\r\n`,
    `${size}\r${body}\r\n0\r\n\r\n`,
    `${size}\r\n${body}0\r\n\r\n`,
    `${(bodyBytes.length - 3).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    `fffffffffffffffff\r\n${body}`,
    `\r\n${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size};${"e".repeat(40_000)}\r\n${body}\r\n0\r\n\r\n`,
    `${size};a\nb\r\n${body}\r\n0\r\n\r\n`,
    `zz\r\n${body}\r\n0\r\n\r\n`,
    `${size}\r\n${body}\r\n0\r\nContent-Length: 3\r\n\r\n`,
  ]);
  return refused(
    "broken chunks",
    splitAtRandom(random, wire(id, { lines: ["Transfer-Encoding: chunked"], length: false, body: text })),
  );
};

/** Line ends and bytes that HTTP does not have. */
const brokenHead: CaseMaker = (random, id) => {
  const good = wire(id, { body }).toString("latin1");
  const head = good.slice(0, good.indexOf("\r\n\r\n"));
  const line = pick(random, [
    "X-A: b\n",
    "X-A: b\rX-B: c",
    "X-A: b\r\n folded: c",
    "X-A: b\r\n\tContent-Length: 3",
    "X-A: \0",
    "X\0: a",
    "X A: a",
    "X-A : a",
    ": a",
    "X-A",
    "X-Ä: a",
    "X-A: a\x7f\x01",
  ]);
  const broken = chance(random, 0.2) ? head.replaceAll("\r\n", "\n") : `${head}\r\n${line}`;
  return refused("broken head", splitAtRandom(random, Buffer.from(`${broken}\r\n\r\n${body}`, "latin1")));
};

const hugeHead: CaseMaker = (random, id) => {
  if (chance(random, 0.5)) {
    const line = pick(random, [`X-Big: ${"a".repeat(70_000)}`, `${"x".repeat(20_000)}: a`]);
    return refused("huge header", splitAtRandom(random, wire(id, { lines: [line], body })));
  }
  const count = integer(random, 3_000);
  return {
    kind: "many headers",
    writes: splitAtRandom(random, wire(id, { lines: Array.from({ length: count }, () => "a:"), body })),
    expected: "either",
    reaching: new Map([[id, payloadBytes]]),
  };
};

export const framingCases: readonly (readonly [weight: number, make: CaseMaker])[] = [
  [5, wrongLength],
  [2, longerLength],
  [4, lengthAndCoding],
  [5, obfuscatedCoding],
  [5, validChunks],
  [6, brokenChunks],
  [6, brokenHead],
  [1.5, hugeHead],
];
