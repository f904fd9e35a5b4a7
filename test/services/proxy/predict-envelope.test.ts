import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProxyFailure } from "../../../services/proxy/proxy-failure.ts";
import { readPredictEnvelope } from "../../../services/proxy/wire/predict-envelope.ts";

const keyOfField = {
  serverName: "inference_server_name",
  serverType: "inference_server_type",
  modelName: "model_name",
  modelVersion: "model_version",
} as const;

/** White space, where JSON allows it. */
const gap = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** A JSON string literal in one of its many spellings: any character as itself or as \u escapes. */
function literal(text: string): fc.Arbitrary<string> {
  const characters = [...text];
  return fc
    .array(fc.boolean(), { minLength: characters.length, maxLength: characters.length })
    .map(
      (escaped) => `"${characters.map((char, at) => (escaped[at] ? escapes(char) : inner(char))).join("")}"`,
    );
}

function escapes(char: string): string {
  return char
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

function inner(char: string): string {
  return JSON.stringify(char).slice(1, -1);
}

const names = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
const payloads = fc.oneof(
  fc
    .dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ depthSize: "medium" }))
    .map((value) => JSON.stringify(value)),
  // Long runs of numbers and long strings, which are skipped natively.
  fc
    .array(fc.maxSafeInteger(), { maxLength: 200 })
    .map((data) => JSON.stringify({ data, text: 'x\\"'.repeat(data.length) })),
  fc
    .array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 60, maxLength: 90 }))
    .map((data) => `{"data" :${JSON.stringify(data)} }`),
);

const envelopes = fc
  .record(
    { serverName: names, serverType: names, modelName: names, modelVersion: names, payload: payloads },
    { requiredKeys: ["serverName", "modelName", "payload"] },
  )
  .chain((fields) => {
    const members = Object.entries(fields).map(([field, value]) =>
      field === "payload"
        ? fc.tuple(literal("payload"), fc.constant(value))
        : fc.tuple(literal(keyOfField[field as keyof typeof keyOfField]), literal(value)),
    );
    return fc
      .tuple(
        fc.shuffledSubarray([...members.keys()], { minLength: members.length }),
        fc.tuple(...members),
        gap,
      )
      .map(([order, written, space]) => ({
        fields,
        text: `${space}{${space}${order.map((at) => written[at]?.join(`${space}:${space}`)).join(`${space},${space}`)}${space}}${space}`,
      }));
  });

function refusal(text: string | Buffer): string {
  try {
    readPredictEnvelope(Buffer.from(text));
  } catch (error) {
    if (error instanceof ProxyFailure) return error.code;
    throw error;
  }
  return "accepted";
}

describe("the /predict envelope", () => {
  it("reads what JSON.parse reads, in any order, spelling and spacing, and leaves the payload's bytes alone", () => {
    fc.assert(
      fc.property(envelopes, ({ fields, text }) => {
        const body = Buffer.from(text);
        const { payload, ...read } = readPredictEnvelope(body);
        const { payload: sent, ...expected } = fields;
        expect(read).toEqual(expected);
        expect(body.toString("utf8", payload.start, payload.end)).toBe(sent);
        expect(Object.keys(JSON.parse(text) as object)).toHaveLength(Object.keys(fields).length);
      }),
      { numRuns: 300 },
    );
  });

  it("accepts nothing that JSON.parse would refuse outside the payload, however the bytes are damaged", () => {
    fc.assert(
      fc.property(
        envelopes,
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.constantFrom("replace", "insert", "remove", "cut"),
        (envelope, place, byte, damage) => {
          const whole = Buffer.from(envelope.text);
          const at = place % whole.length;
          const body = Buffer.concat([
            whole.subarray(0, at),
            damage === "replace" || damage === "insert" ? Buffer.from([byte]) : Buffer.alloc(0),
            damage === "cut" ? Buffer.alloc(0) : whole.subarray(damage === "insert" ? at : at + 1),
          ]);
          if (refusal(body) !== "accepted") return;
          const { payload, ...read } = readPredictEnvelope(body);
          const rest = Buffer.concat([
            body.subarray(0, payload.start),
            Buffer.from("{}"),
            body.subarray(payload.end),
          ]);
          const parsed = JSON.parse(rest.toString("utf8")) as Record<string, unknown>;
          for (const [field, key] of Object.entries(keyOfField)) {
            expect(parsed[key]).toBe(read[field as keyof typeof read]);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("never throws anything but a refusal, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(["BODY_NOT_JSON", "PREDICT_ENVELOPE_INVALID"]).toContain(refusal(Buffer.from(bytes)));
      }),
    );
  });

  const rest = `"inference_server_name":"s","payload":{}`;
  it.each([
    ["a key given twice", `{"model_name":"a","model_name":"a",${rest}}`],
    ["a key given twice, once with escapes", `{"model_name":"a","model\\u005fname":"b",${rest}}`],
    ["a payload given twice", `{"model_name":"a","payload":{},${rest}}`],
    ["an unknown key", `{"model_name":"a","modle_version":"1",${rest}}`],
    ["a key of Object.prototype", `{"model_name":"a","constructor":"1",${rest}}`],
    ["__proto__", `{"model_name":"a","__proto__":{},${rest}}`],
    ["a very long key", `{"model_name":"a","${"k".repeat(100_000)}":"1",${rest}}`],
    ["a version that is a number", `{"model_name":"a","model_version":1,${rest}}`],
    ["a name that is null", `{"model_name":null,${rest}}`],
    ["an empty name", `{"model_name":"",${rest}}`],
    ["a very long name", `{"model_name":"${"n".repeat(257)}",${rest}}`],
    ["no model name", `{${rest}}`],
    ["no payload", `{"inference_server_name":"s","model_name":"a"}`],
    ["neither a server's name nor its type", `{"model_name":"a","payload":{}}`],
    ["a payload that is a list", `{"inference_server_name":"s","model_name":"a","payload":[]}`],
    ["a payload that is a string", `{"inference_server_name":"s","model_name":"a","payload":"{}"}`],
  ])("refuses %s as breaking the contract", (_what, text) => {
    expect(refusal(text)).toBe("PREDICT_ENVELOPE_INVALID");
  });

  it.each([
    ["nothing", ""],
    ["a list", "[]"],
    ["a trailing comma", `{"model_name":"a",${rest},}`],
    ["text after the end", `{"model_name":"a",${rest}} x`],
    ["a second document", `{"model_name":"a",${rest}}{}`],
    ["an unfinished string", `{"model_name":"a`],
    ["an unfinished payload", `{"model_name":"a","payload":{"x":[1,2`],
    ["a payload that ends with a bracket", `{"model_name":"a","inference_server_name":"s","payload":{]}`],
    ["an unknown escape", `{"model_name":"\\x41",${rest}}`],
    ["a line break in a name", `{"model_name":"a\nb",${rest}}`],
    ["single quotes", `{'model_name':'a'}`],
    ["a byte order mark", `\uFEFF{"model_name":"a",${rest}}`],
  ])("refuses %s as not JSON", (_what, text) => {
    expect(refusal(text)).toBe("BODY_NOT_JSON");
  });

  it("refuses a name that is not UTF-8", () => {
    const body = Buffer.from(`{"model_name":"a~b",${rest}}`);
    body[body.indexOf("~")] = 0xff;
    expect(refusal(body)).toBe("BODY_NOT_JSON");
  });

  it("reads a payload nested a million levels deep without recursion", () => {
    const depth = 1_000_000;
    const payload = `{"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const text = `{"inference_server_name":"s","model_name":"a","payload":${payload}}`;
    const read = readPredictEnvelope(Buffer.from(text)).payload;
    expect(read.end - read.start).toBe(payload.length);
  });

  it("finds the end of a string that is full of backslashes and quotes", () => {
    for (const length of [100, 127, 128, 129, 1_001]) {
      const payload = `{"x":"${"\\\\".repeat(length)}${'\\"'.repeat(length)}${"\\\\".repeat(length)}","y":"}"}`;
      const text = `{"inference_server_name":"s","payload":${payload},"model_name":"a"}`;
      const read = readPredictEnvelope(Buffer.from(text)).payload;
      expect(text.slice(read.start, read.end)).toBe(payload);
    }
  });
});
