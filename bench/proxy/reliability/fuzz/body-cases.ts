import type { Random } from "../../../../optimizer/simulation/random.ts";
import {
  chance,
  integer,
  pick,
  randomBytes,
  refused,
  splitAtRandom,
  type CaseMaker,
  type FuzzCase,
} from "./fuzz-case.ts";
import { envelopeOf, wire } from "./http-bytes.ts";
import { escapedKey, jsonObject, jsonValue, space } from "./json-text.ts";

function accepted(kind: string, writes: readonly Buffer[], id: string, body: Buffer | string): FuzzCase {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return { kind, writes, expected: "accepted", reaching: new Map([[id, bytes]]) };
}

function predict(random: Random, id: string, body: Buffer | string): Buffer[] {
  return splitAtRandom(random, wire(id, { body }));
}

/** Envelopes in every valid form: the payload has to arrive byte by byte. */
const validEnvelope: CaseMaker = (random, id) => {
  const payload = jsonObject(random);
  const members = [
    [`inference_server_name`, `"tabular"`],
    [`model_name`, chance(random, 0.5) ? `"bert"` : `"\\u0062ert"`],
    ["payload", payload],
    ...(chance(random, 0.3) ? [["model_version", `"1"`]] : []),
    ...(chance(random, 0.3) ? [["inference_server_type", `"triton"`]] : []),
  ].toSorted(() => random() - 0.5);
  const text = members.map(([key = "", value = ""]) => {
    const written = chance(random, 0.2) ? escapedKey(random, key) : key;
    return `${space(random)}"${written}"${space(random)}:${space(random)}${value}${space(random)}`;
  });
  const body = `${space(random)}{${text.join(",")}}${space(random)}`;
  return accepted("valid envelope", predict(random, id, body), id, payload);
};

const broken: readonly [
  (random: Random, payload: string) => string,
  ...((random: Random, payload: string) => string)[],
] = [
  (random, payload) =>
    `{"model_name":"bert","${escapedKey(random, "model_name")}":"other","inference_server_name":"tabular","payload":${payload}}`,
  (_random, payload) => envelopeOf(`${payload},"payload":{}`),
  (random, payload) => envelopeOf(`${payload},"${escapedKey(random, "payload")}":{}`),
  (random, payload) => envelopeOf(`${payload},"extra":${jsonValue(random)}`),
  (_random, payload) => envelopeOf(`${payload},"${"k".repeat(2_000)}":1`),
  (_random, payload) => envelopeOf(`${payload},"__proto__":{}`),
  (_random, payload) => envelopeOf(payload).replace(`"bert"`, `{"name":"bert"}`),
  (_random, payload) => `{"inference_server_name":"tabular","payload":${payload}}`,
  (_random, payload) => `{"model_name":"bert","payload":${payload}}`,
  (_random, payload) => envelopeOf(payload, "tabular", "\\ud800"),
  (_random, payload) => envelopeOf(payload, "engine-knows", "\\udfff"),
  (_random, payload) => envelopeOf(payload, "engine-knows", ".."),
  (_random, payload) => envelopeOf(payload, "engine-knows", "a\\u0000b"),
  (_random, payload) =>
    `{"inference_server_name":"engine-knows","model_name":"m","model_version":"\\r\\nx: y","payload":${payload}}`,
  (_random, payload) => envelopeOf(payload, "tabular", "b".repeat(5_000)),
  (_random, payload) => `${envelopeOf(payload)}{}`,
  (_random, payload) => `${envelopeOf(payload)}\0`,
  (_random, payload) => `\ufeff${envelopeOf(payload)}`,
  (_random, payload) => `[${envelopeOf(payload)}]`,
  (random) => envelopeOf(pick(random, ["[]", "1", "null", `"{}"`, "", "NaN", "{]", "{", "[}"])),
  (random, payload) => envelopeOf(payload).slice(0, integer(random, envelopeOf(payload).length)),
  (_random, payload) => envelopeOf(payload).replaceAll('"', "'"),
  (_random, payload) => envelopeOf(payload).replace(",", ",,"),
  () => envelopeOf("[".repeat(50_000)),
  () => "",
];

const brokenEnvelope: CaseMaker = (random, id) =>
  refused("broken envelope", predict(random, id, pick(random, broken)(random, jsonObject(random))));

/** Bytes that are no UTF-8: refused where the proxy reads them, the engine's to judge within the payload. */
const invalidUtf8: CaseMaker = (random, id) => {
  const bad = pick(random, ["\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"]);
  if (chance(random, 0.5)) {
    const payload = Buffer.from(`{"text":"${bad}"}`, "latin1");
    const body = Buffer.from(envelopeOf(payload.toString("latin1")), "latin1");
    return accepted("invalid UTF-8 in the payload", predict(random, id, body), id, payload);
  }
  const body = Buffer.from(envelopeOf("{}", "tabular", `bert${bad}`), "latin1");
  return refused("invalid UTF-8 in a name", predict(random, id, body));
};

const deepNesting: CaseMaker = (random, id) => {
  // Mostly as deep as recursion would not survive; now and then a million levels, which take their time to send.
  const depth = chance(random, 0.05) ? 1_000_000 : 20_000;
  const [open, close] = pick(random, [
    ["[", "]"],
    [`{"a":`, "}"],
  ] as const);
  const inner = open === "[" ? "" : "1";
  const payload = `{"deep":${open.repeat(depth)}${inner}${close.repeat(depth)}}`;
  const whole = wire(id, { body: envelopeOf(payload) });
  if (chance(random, 0.7)) return accepted("deep nesting", [whole], id, payload);
  return refused("deep nesting that does not close", [
    wire(id, { body: envelopeOf(payload.slice(0, payload.length - depth)) }),
  ]);
};

/** Native paths take any bytes: tensors are binary. */
const anyTensor: CaseMaker = (random, id) => {
  const body = randomBytes(random, integer(random, 2_000));
  const target = pick(random, ["/v2/models/bert/infer", "/v2/models/bert/versions/1/infer"]);
  return accepted("binary tensors", splitAtRandom(random, wire(id, { target, body })), id, body);
};

const chat: CaseMaker = (random, id) => {
  const target = "/v1/chat/completions";
  const messages = jsonValue(random);
  const good = `{"model":"llama","messages":${messages}${chance(random, 0.5) ? `,"extra":${jsonValue(random)}` : ""}}`;
  if (chance(random, 0.5)) {
    return accepted("valid chat", splitAtRandom(random, wire(id, { target, body: good })), id, good);
  }
  const body = pick(random, [
    `{"model":"llama","${escapedKey(random, "model")}":"other","messages":[]}`,
    `{"messages":[]}`,
    `{"model":["llama"],"messages":[]}`,
    `{"model":"lla\\ud800ma","messages":[]}`,
    `{"model":"llama","stream":false,"stream":true}`,
    good.slice(0, -1 - integer(random, 10)),
    `${good}}`,
    `{"model":"..","messages":[]}`,
  ]);
  return refused("broken chat", splitAtRandom(random, wire(id, { target, body })));
};

/** Above the limit of the fuzzed proxy, with its length declared or found out. */
const tooLarge: CaseMaker = (random, id) =>
  refused("body above the limit", [
    wire(id, {
      length: false,
      lines: [pick(random, ["Content-Length: 99999999", "Content-Length: 8388609"])],
      body: `{"a":"${"x".repeat(integer(random, 70_000))}`,
    }),
  ]);

export const bodyCases: readonly (readonly [weight: number, make: CaseMaker])[] = [
  [10, validEnvelope],
  [14, brokenEnvelope],
  [4, invalidUtf8],
  [0.4, deepNesting],
  [4, anyTensor],
  [6, chat],
  [1, tooLarge],
];
