import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseMeter } from "../../../services/proxy/wire/sse-meter.ts";

const usage = `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n`;

describe("the meter of token streams", () => {
  it("counts the same events and tokens wherever the network splits the stream", () => {
    const stream = Buffer.from(
      [
        ": a comment\n\n",
        `data: {"choices":[{"delta":{"content":"data: \\"usage\\""}}]}\n\n`,
        "event: message\r\ndata:{}\r\n\r\n",
        // Longer than what is looked into.
        `data: {"x":"${"y".repeat(70_000)}","usage":{"completion_tokens":9}}\n\n`,
        `data: {"choices":[{}],"usage":null}\n\n`,
        usage,
        "data: [DONE]\n\n",
      ].join(""),
    );
    // Cuts close to the lines' beginnings are the interesting ones.
    const starts = [...stream.keys()].filter((at) => at === 0 || stream[at - 1] === 0x0a);
    const cut = fc.oneof(
      fc.nat(stream.length),
      fc
        .tuple(fc.constantFrom(...starts), fc.nat(8))
        .map(([start, offset]) => Math.min(start + offset, stream.length)),
    );
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 20 }), (cuts) => {
        const meter = new SseMeter();
        const edges = [0, ...cuts.toSorted((left, right) => left - right), stream.length];
        const fed = edges.slice(1).map((edge, at) => meter.feed(stream.subarray(edges[at], edge)));
        expect(fed.reduce((sum, events) => sum + events, 0)).toBe(4);
        expect(meter.events).toBe(4);
        expect(meter.usage).toEqual({ inputTokens: 3, outputTokens: 5 });
      }),
    );
  });

  it("reads the usage of an event that is too long to be kept, and not what a client had sent", () => {
    const meter = new SseMeter();
    const said = {
      instructions: "x".repeat(70_000),
      tools: [{ usage: { input_tokens: 0, output_tokens: 0 } }],
    };
    const whole = JSON.stringify({ response: { ...said, usage: { input_tokens: 3, output_tokens: 5 } } });
    const stream = Buffer.from(`event: response.completed\ndata: ${whole}\n\n`);
    for (let at = 0; at < stream.length; at += 10_000) meter.feed(stream.subarray(at, at + 10_000));
    expect(meter.usage).toEqual({ inputTokens: 3, outputTokens: 5 });
    expect(meter.events).toBe(0);
  });

  it("does not keep the bytes of a chunk that may be reused", () => {
    const meter = new SseMeter();
    const chunk = Buffer.from("data: 1");
    meter.feed(chunk);
    chunk.fill(0);
    expect(meter.feed(Buffer.from("\n\n"))).toBe(1);
  });

  it("counts the pieces of text of a response, and not the events around them", () => {
    const meter = new SseMeter();
    const events = ["response.created", "response.output_text.delta", "response.output_text.delta", "error"];
    for (const type of events) meter.feed(Buffer.from(`event: ${type}\r\ndata: {"type":"${type}"}\r\n\r\n`));
    expect(meter.events).toBe(2);
    const usage = `{"response":{"usage":{"input_tokens":3,"input_tokens_details":{},"output_tokens":5}}}`;
    expect(meter.feed(Buffer.from(`event: response.completed\ndata: ${usage}\n\n`))).toBe(0);
    expect(meter.usage).toEqual({ inputTokens: 3, outputTokens: 5 });
  });
});
