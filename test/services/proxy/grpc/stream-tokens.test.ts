import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamTokens } from "../../../../services/proxy/grpc/stream-tokens.ts";
import { lengthDelimitedField, varintField } from "../../../../services/proxy/grpc/wire-format.ts";
import { inferRequest, streamAnswer } from "./messages.ts";

function measured() {
  const firsts: number[] = [];
  const gaps: number[] = [];
  const tokens = new StreamTokens({
    timeToFirstToken: { observe: (seconds) => firsts.push(seconds) },
    interTokenLatency: { observe: (seconds) => gaps.push(seconds) },
  });
  return { tokens, firsts, gaps };
}

const ask = (id?: string): Buffer => inferRequest({ modelName: "bert", ...(id !== undefined && { id }) });
const say = (id?: string): Buffer => streamAnswer({ output: "token", ...(id !== undefined && { id }) });

test.each([
  ["with the id of its request", "a", "a"],
  ["without any id", undefined, undefined],
  ["of an engine that does not repeat ids", "a", undefined],
])("measures the only request of a stream by its arrival and each answer %s", (_what, asked, said) => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask(asked), 1_000);
  tokens.answered(say(said), 1_500);
  tokens.answered(say(said), 1_600);
  tokens.answered(say(said), 1_900);
  expect(firsts).toEqual([0.5]);
  expect(gaps).toEqual([0.1, 0.3]);
});

test("tells requests that are answered in turns apart by their ids", () => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask("a"), 0);
  tokens.asked(ask("b"), 1_000);
  tokens.answered(say("a"), 2_000);
  tokens.answered(say("b"), 4_000);
  tokens.answered(say("a"), 8_000);
  tokens.answered(say("b"), 16_000);
  expect(firsts).toEqual([2, 3]);
  expect(gaps).toEqual([6, 12]);
});

test("goes on with the first request after a second one came", () => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask("a"), 0);
  tokens.answered(say("a"), 1_000);
  tokens.asked(ask("b"), 2_000);
  tokens.answered(say("a"), 3_000);
  expect(firsts).toEqual([1]);
  expect(gaps).toEqual([2]);
});

test.each([["an id"], [undefined]])("measures nothing that may be of either of two requests: %s", (id) => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask(id), 0);
  tokens.asked(ask(id), 1_000);
  tokens.asked(ask(id), 2_000);
  tokens.asked(ask("other"), 3_000);
  tokens.answered(say(id), 4_000);
  tokens.answered(say(id), 5_000);
  expect([firsts, gaps]).toEqual([[], []]);
  tokens.answered(say("other"), 6_000);
  expect([firsts, gaps]).toEqual([[3], []]);
});

test("measures nothing by answers whose engine repeats no ids, once there are several requests", () => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask("a"), 0);
  tokens.asked(ask("b"), 1_000);
  tokens.answered(say(), 2_000);
  tokens.answered(say("c"), 3_000);
  expect([firsts, gaps]).toEqual([[], []]);
});

test.each([
  ["an error", streamAnswer({ error: "no such input" })],
  ["an error next to outputs", streamAnswer({ error: "cut off", output: "token" })],
  ["an answer without outputs", streamAnswer({ id: "a" })],
  ["an empty message", Buffer.alloc(0)],
  ["no protobuf", Buffer.from([0xff])],
  ["an answer that is no message", varintField(2, 7)],
  ["an answer whose inside is no protobuf", lengthDelimitedField(2, Buffer.from([0xff]))],
  ["a thousand fields before the outputs", longAnswer(1_000)],
])("takes %s for no token", (_what, answer) => {
  const { tokens, firsts, gaps } = measured();
  tokens.asked(ask("a"), 0);
  tokens.answered(answer, 1_000);
  expect([firsts, gaps]).toEqual([[], []]);
  tokens.answered(say("a"), 2_000);
  tokens.answered(answer, 3_000);
  expect([firsts, gaps]).toEqual([[2], []]);
});

function longAnswer(fields: number): Buffer {
  const parameter = lengthDelimitedField(4, "");
  const outputs = lengthDelimitedField(5, "");
  return lengthDelimitedField(2, Buffer.concat([...Array<Buffer>(fields).fill(parameter), outputs]));
}

test("takes outputs with an error of no text, or without their bytes, for a token", () => {
  const { tokens, firsts } = measured();
  tokens.asked(ask("a"), 0);
  tokens.answered(Buffer.concat([lengthDelimitedField(1, ""), longAnswer(2)]), 1_000);
  expect(firsts).toEqual([1]);
});

test("follows the newest requests of a long stream, and keeps no others", () => {
  const { tokens, firsts } = measured();
  for (let index = 0; index < 10_000; index++) tokens.asked(ask(`request-${index}`), 0);
  tokens.answered(say("request-0"), 1_000);
  expect(firsts).toEqual([]);
  tokens.answered(say("request-9999"), 2_000);
  expect(firsts).toEqual([2]);
});

test("takes an id that is too long to be kept for none", () => {
  const { tokens, firsts } = measured();
  tokens.asked(ask("a".repeat(257)), 0);
  tokens.asked(ask("b".repeat(257)), 0);
  tokens.answered(say("a".repeat(257)), 1_000);
  expect(firsts).toEqual([]);
});

test("fails at no answer, whatever its bytes", () => {
  const { tokens } = measured();
  tokens.asked(ask("a"), 0);
  const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, (answer) => {
      tokens.answered(answer, 1);
      tokens.answered(lengthDelimitedField(2, answer), 1);
    }),
  );
});
