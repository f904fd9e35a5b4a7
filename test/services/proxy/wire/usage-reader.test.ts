import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageReader } from "../../../../services/proxy/wire/usage-reader.ts";

function read(text: string, cuts: readonly number[] = []): unknown {
  const bytes = Buffer.from(text);
  const reader = new UsageReader();
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  // The reader gets the same memory each time, as from a connection: what it kept of it would be overwritten.
  const memory = Buffer.alloc(bytes.length);
  edges.slice(1).forEach((edge, index) => {
    const part = bytes.subarray(edges[index], edge);
    part.copy(memory);
    reader.read(memory.subarray(0, part.length));
    memory.fill(0x22);
  });
  return reader.usage;
}

const chat = { prompt_tokens: 7, completion_tokens: 5 };
const response = { input_tokens: 7, output_tokens: 5 };
const told = { inputTokens: 7, outputTokens: 5 };

describe("the token counts of an answer", () => {
  it.each([
    ["a completion's", { id: "a", choices: [{ text: "x" }], usage: chat }],
    ["those of one whose usage comes first", { usage: chat, choices: [] }],
    ["a response's, among details", { usage: { ...response, input_tokens_details: { cached_tokens: 3 } } }],
    [
      "those of an event around a response",
      { type: "response.completed", response: { id: 1, usage: response } },
    ],
    ["those before what else is long", { usage: chat, prompt_logprobs: "x".repeat(100_000) }],
    ["those after what else is long", { output: '\\"x\n'.repeat(50_000), usage: chat }],
    ["those of a pretty-printed answer", JSON.stringify({ usage: chat }, undefined, 2)],
    [
      "the last where there are two",
      `{"usage":{"prompt_tokens":1,"completion_tokens":1},"usage":${JSON.stringify(chat)}}`,
    ],
  ])("are %s", (_what, answer) => {
    expect(read(typeof answer === "string" ? answer : JSON.stringify(answer))).toEqual(told);
  });

  const echoed = { parameters: { usage: response, ...response }, usage: response };
  it.each([
    ["tools, before the report", { tools: [echoed], usage: chat }],
    ["tools, after the report", { usage: chat, tools: [echoed] }],
    ["metadata", { metadata: echoed, usage: chat }],
    ["a user's name", { user: `"usage":{"input_tokens":0,"output_tokens":0}`, usage: chat }],
    ["a key that looks like one", { [`x"usage":{"input_tokens":0}`]: 1, usage: chat }],
    ["details of the usage", { usage: { details: { ...response, input_tokens: 1 }, ...chat } }],
    ["a list of usages", { usages: [{ usage: response }], response: [{ usage: response }], usage: chat }],
  ])("are not what a client has sent along as %s", (_what, answer) => {
    const zeroed = JSON.stringify(answer).replaceAll(/("(?:in|out)put_tokens\\?":)\d/g, "$10");
    expect(read(zeroed)).toEqual(told);
  });

  it.each([
    ["nothing", ""],
    ["no usage", `{"choices":[]}`],
    ["no report yet", `{"usage":null}`],
    ["counts that are no whole numbers", `{"usage":{"prompt_tokens":1.5,"completion_tokens":"7"}}`],
    ["counts below zero, or in the wrong form", `{"usage":{"prompt_tokens":-1,"completion_tokens":1e3}}`],
    ["counts beyond belief", `{"usage":{"prompt_tokens":99999999999999999999}}`],
    ["counts outside of the usage", `{"prompt_tokens":1,"response":{"prompt_tokens":1}}`],
    ["a list", `[{"usage":{"prompt_tokens":1}}]`],
    ["no JSON", `}}]]{{"usage":::{"prompt_tokens"5,,`],
  ])("are none where there is %s", (_what, text) => {
    expect(read(text)).toEqual({});
  });

  it("are those that a parser finds, wherever the network splits any answer", () => {
    const counts = fc.dictionary(
      fc.constantFrom(
        "prompt_tokens",
        "input_tokens",
        "completion_tokens",
        "output_tokens",
        "total_tokens",
        "x",
      ),
      fc.oneof(fc.nat(1_000_000), fc.jsonValue({ maxDepth: 2 })),
      { maxKeys: 4 },
    );
    const usage = fc.oneof(counts, fc.constant(null), fc.string());
    const others = fc.dictionary(
      fc.oneof(fc.constantFrom("response", "usage", "tools", `"`, "\\"), fc.string()),
      fc.oneof(fc.jsonValue(), fc.record({ usage }), fc.array(fc.record({ usage }))),
      { maxKeys: 4 },
    );
    const answer = fc
      .tuple(others, fc.option(usage), fc.option(fc.tuple(others, usage)))
      .map(([rest, own, inner]) => ({
        ...rest,
        ...(own !== null && { usage: own }),
        ...(inner && { response: { ...inner[0], usage: inner[1] } }),
      }));
    fc.assert(
      fc.property(answer, fc.array(fc.nat(5_000), { maxLength: 8 }), fc.boolean(), (value, cuts, spaced) => {
        const text = JSON.stringify(value, undefined, spaced ? 1 : undefined);
        expect(read(text, cuts)).toEqual(parsedUsage(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The same by parsing the whole answer. Later reports take the place of earlier ones, count by count. */
function parsedUsage(text: string): unknown {
  const found: Record<string, number> = {};
  const names: Record<string, string> = {
    prompt_tokens: "inputTokens",
    input_tokens: "inputTokens",
    completion_tokens: "outputTokens",
    output_tokens: "outputTokens",
  };
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const take = (usage: unknown): void => {
    if (!isObject(usage)) return;
    // Whole numbers in JSON's shortest form, as engines write them.
    for (const [key, value] of Object.entries(usage)) {
      const name = names[key];
      if (name !== undefined && typeof value === "number" && /^\d{1,9}$/.test(JSON.stringify(value)))
        found[name] = value;
    }
  };
  const answer = JSON.parse(text) as Record<string, unknown>;
  for (const [key, value] of Object.entries(answer)) {
    if (key === "usage") take(value);
    if (key === "response" && isObject(value)) take(value["usage"]);
  }
  return found;
}
