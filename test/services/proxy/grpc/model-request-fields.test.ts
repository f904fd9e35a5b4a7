import fc from "fast-check";
import { expect, test } from "vitest";
import {
  readModelRequestFields,
  withModelVersion,
} from "../../../../services/proxy/grpc/model-request-fields.ts";
import { lengthDelimitedField, varintField } from "../../../../services/proxy/grpc/wire-format.ts";
import { ProxyFailure } from "../../../../services/proxy/proxy-failure.ts";
import { inferRequest } from "./messages.ts";

/** The reason for a refusal. */
function refusal(bytes: Buffer): string {
  try {
    readModelRequestFields(bytes);
  } catch (error) {
    if (error instanceof ProxyFailure) {
      expect(error.code).toBe("REQUEST_INVALID");
      return error.message;
    }
    throw error;
  }
  throw new Error("was not refused");
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
const number = fc.integer({ min: 3, max: 2 ** 29 - 1 });

/** Fields that are not for the route, of every wire type, by an encoder of its own. */
const otherField = fc.oneof(
  fc
    .tuple(number, fc.uint8Array({ maxLength: 40 }))
    .map(([field, bytes]) => tagged(field, 2, [...varint(BigInt(bytes.length)), ...bytes])),
  fc.tuple(number, fc.bigInt(0n, 2n ** 64n - 1n)).map(([field, value]) => tagged(field, 0, varint(value))),
  fc
    .tuple(number, fc.uint8Array({ minLength: 8, maxLength: 8 }))
    .map(([field, bytes]) => tagged(field, 1, [...bytes])),
  fc
    .tuple(number, fc.uint8Array({ minLength: 4, maxLength: 4 }))
    .map(([field, bytes]) => tagged(field, 5, [...bytes])),
);

function tagged(field: number, wireType: number, value: readonly number[]): Buffer {
  return Buffer.from([...varint((BigInt(field) << 3n) | BigInt(wireType)), ...value]);
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

test("reads name and version wherever they stand among other fields", () => {
  fc.assert(
    fc.property(
      name,
      fc.option(name, { nil: undefined }),
      fc.array(otherField),
      fc.array(otherField),
      fc.array(otherField),
      fc.boolean(),
      (modelName, version, before, between, after, versionFirst) => {
        fc.pre(Buffer.byteLength(modelName) < 256 && Buffer.byteLength(version ?? "") < 256);
        const nameField = lengthDelimitedField(1, modelName);
        const versionField = version === undefined ? Buffer.alloc(0) : lengthDelimitedField(2, version);
        const routing = versionFirst
          ? [versionField, ...between, nameField]
          : [nameField, ...between, versionField];
        const message = Buffer.concat([...before, ...routing, ...after]);
        expect(readModelRequestFields(message)).toMatchObject({ modelName, version });
      },
    ),
    { numRuns: 2_000 },
  );
});

test("puts another version in without changing any other byte", () => {
  fc.assert(
    fc.property(
      name,
      fc.option(name, { nil: undefined }),
      name,
      fc.array(otherField),
      (modelName, version, chosen, rest) => {
        fc.pre([modelName, version ?? "", chosen].every((text) => Buffer.byteLength(text) < 256));
        const message = Buffer.concat([inferRequest({ modelName, ...(version && { version }) }), ...rest]);
        const changed = withModelVersion(message, readModelRequestFields(message), chosen);
        expect(readModelRequestFields(changed)).toMatchObject({ modelName, version: chosen });
        const expected = version
          ? Buffer.concat([inferRequest({ modelName, version: chosen }), ...rest])
          : Buffer.concat([message, version === chosen ? Buffer.alloc(0) : lengthDelimitedField(2, chosen)]);
        expect(changed.equals(expected)).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("passes the very same buffer on where the version is already the chosen one", () => {
  const message = inferRequest({ modelName: "bert", version: "3", raw: Buffer.alloc(10) });
  expect(withModelVersion(message, readModelRequestFields(message), "3")).toBe(message);
});

test("takes an empty version for none", () => {
  const message = inferRequest({ modelName: "bert", version: "" });
  const fields = readModelRequestFields(message);
  expect(fields.version).toBeUndefined();
  expect(
    withModelVersion(message, fields, "3").equals(inferRequest({ modelName: "bert", version: "3" })),
  ).toBe(true);
});

test("reads any bytes or refuses them, and never reads what protobuf would read differently", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const fields = readModelRequestFields(Buffer.from(bytes));
        expect(fields.modelName).not.toBe("");
      } catch (error) {
        expect(error).toBeInstanceOf(ProxyFailure);
      }
    }),
    { numRuns: 20_000 },
  );
});

test("refuses a cut-off message at every place within a field", () => {
  const message = inferRequest({ modelName: "bert", version: "12", raw: Buffer.alloc(300) });
  const whole = new Set([6, 10, message.length]);
  for (let length = 1; length < message.length; length++) {
    if (whole.has(length)) continue;
    expect(refusal(message.subarray(0, length))).toMatch(/beyond the end/);
  }
});

const bert = lengthDelimitedField(1, "bert");
test.each<[what: string, message: Buffer, reason: string]>([
  ["no model", inferRequest({ version: "1" }), "names no model"],
  ["an empty message", Buffer.alloc(0), "names no model"],
  ["an empty model", inferRequest({ modelName: "" }), "names no model"],
  ["two models", Buffer.concat([bert, lengthDelimitedField(1, "gpt")]), "model_name is given twice"],
  ["the same model twice", Buffer.concat([bert, bert]), "model_name is given twice"],
  [
    "an empty model after another",
    Buffer.concat([bert, lengthDelimitedField(1, "")]),
    "model_name is given twice",
  ],
  [
    "two versions",
    Buffer.concat([bert, lengthDelimitedField(2, "1"), lengthDelimitedField(2, "2")]),
    "model_version is given twice",
  ],
  [
    "a second model by an overlong tag",
    Buffer.concat([bert, Buffer.from([0x8a, 0x00, 1, 0x67])]),
    "model_name is given twice",
  ],
  [
    "a tag beyond 32 bits",
    Buffer.concat([bert, Buffer.from([0x8a, 0x80, 0x80, 0x80, 0x10, 1, 0x67])]),
    "more than 32 bits",
  ],
  ["a model that is a number", varintField(1, 5), "model_name is no string"],
  ["a version that is a number", Buffer.concat([bert, varintField(2, 5)]), "model_version is no string"],
  ["a model that is no UTF-8", lengthDelimitedField(1, Buffer.from([0xff, 0xfe])), "model_name is not UTF-8"],
  ["a model of 256 bytes", lengthDelimitedField(1, "a".repeat(256)), "more than 255 bytes"],
  ["field number 0", Buffer.concat([bert, Buffer.from([0x02, 0])]), "field number 0"],
  ["a group", Buffer.concat([bert, Buffer.from([0x1b, 0x1c])]), "unknown wire type"],
  ["wire type 7", Buffer.concat([bert, Buffer.from([0x1f])]), "unknown wire type"],
  [
    "a length beyond the end",
    Buffer.concat([bert, Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
    "beyond the end",
  ],
  [
    "a number of eleven bytes",
    Buffer.concat([bert, Buffer.from([0x18, ...new Array<number>(10).fill(0x80), 1])]),
    "more than 64 bits",
  ],
  [
    "too many fields",
    Buffer.concat([bert, Buffer.alloc(2 * 65_536, Buffer.from([0x18, 0]))]),
    "more than 65536 fields",
  ],
])("refuses %s", (_what, message, reason) => {
  expect(refusal(message)).toContain(reason);
});
