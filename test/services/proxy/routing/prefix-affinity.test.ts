import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrefixAffinity } from "../../../../services/proxy/routing/prefix-affinity.ts";
import { idleEndpoints, seededRandom, type MutableEndpoint } from "./affinity-endpoints.ts";

const modelHash = 17;

/** Text of a length that is another for every seed, from its first block on. */
function promptText(seed: number, length: number): string {
  const random = seededRandom(seed * 7_919 + 1);
  return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join("");
}

function choose(
  affinity: PrefixAffinity,
  endpoints: readonly MutableEndpoint[],
  text: string,
  model = modelHash,
): number {
  // The span stands in the middle of a body, at an odd place.
  const body = Buffer.from(`{"messages":${text}}`);
  return affinity.choose(endpoints, model, body, 12, body.length - 1);
}

describe("the endpoint of a prompt", () => {
  it("is the one that served its beginning", () => {
    const affinity = new PrefixAffinity();
    const endpoints = idleEndpoints(8);
    for (let conversation = 0; conversation < 200; conversation++) {
      const first = promptText(conversation, 700);
      const served = choose(affinity, endpoints, first);
      expect(choose(affinity, endpoints, `${first}${promptText(conversation + 1_000, 900)}`)).toBe(served);
    }
  });

  it("is left to the load where the prompt has less than one block", () => {
    const affinity = new PrefixAffinity();
    expect(choose(affinity, idleEndpoints(4), promptText(1, 255))).toBe(-1);
    expect(choose(affinity, idleEndpoints(4), promptText(1, 256))).not.toBe(-1);
  });

  it("does not depend on what follows the prompt in the body", () => {
    const affinity = new PrefixAffinity();
    const endpoints = idleEndpoints(64);
    const text = promptText(3, 300);
    const body = (after: string): Buffer => Buffer.from(text + after.repeat(300));
    const chosen = affinity.choose(endpoints, modelHash, body("a"), 0, 300);
    // Another proxy, which has seen nothing, agrees.
    expect(new PrefixAffinity().choose(endpoints, modelHash, body("b"), 0, 300)).toBe(chosen);
    expect(new PrefixAffinity().choose(endpoints, modelHash, Buffer.from(text), 0, 4_000)).toBe(chosen);
  });

  it("is that of the longest known beginning, not of a shared system prompt", () => {
    const affinity = new PrefixAffinity();
    const endpoints = idleEndpoints(4);
    const system = promptText(0, 256);
    const turns = Array.from({ length: 4 }, (_, at) => system + promptText(at + 1, 256));
    // Load drives each conversation elsewhere.
    const served = turns.map((turn) => {
      const chosen = choose(affinity, endpoints, turn);
      for (const endpoint of endpoints) if (endpoint === endpoints[chosen]) endpoint.outstanding += 100;
      return chosen;
    });
    expect(new Set(served).size).toBe(4);
    for (const endpoint of endpoints) endpoint.outstanding = 0;
    turns.forEach((turn, at) => {
      expect(choose(affinity, endpoints, turn + promptText(at + 50, 100))).toBe(served[at]);
    });
    // A new conversation meets the system prompt where it was used last.
    expect(choose(affinity, endpoints, system + promptText(99, 256))).toBe(served[3]);
  });

  it("keeps models apart", () => {
    const endpoints = idleEndpoints(64);
    const affinity = new PrefixAffinity();
    const chosen = Array.from({ length: 20 }, (_, model) =>
      choose(affinity, endpoints, promptText(1, 300), model),
    );
    expect(new Set(chosen).size).toBeGreaterThan(10);
  });

  it("is another while its own is loaded beyond the bound or unusable", () => {
    const affinity = new PrefixAffinity();
    const endpoints = idleEndpoints(4);
    const text = promptText(5, 600);
    const own = endpoints[choose(affinity, endpoints, text)] as MutableEndpoint;
    // Mean 2: at most 1.25 * 2 + 1 = 3.5.
    own.outstanding = 8;
    const other = endpoints[choose(affinity, endpoints, text)];
    expect(other).not.toBe(own);
    own.outstanding = 0;
    // The one that served it last has the beginning too.
    expect(endpoints[choose(affinity, endpoints, text)]).toBe(other);
    (other as MutableEndpoint).usable = false;
    expect(endpoints[choose(affinity, endpoints, text)]).not.toBe(other);
  });

  it("is another for every conversation of an endpoint that is loaded beyond the bound", () => {
    const affinity = new PrefixAffinity();
    const endpoints = idleEndpoints(8);
    const system = promptText(0, 256);
    const conversations = Array.from({ length: 40 }, (_, at) => system + promptText(at + 1, 256));
    for (const endpoint of endpoints.slice(1)) endpoint.usable = false;
    for (const text of conversations) expect(choose(affinity, endpoints, text)).toBe(0);
    for (const endpoint of endpoints) endpoint.usable = true;
    (endpoints[0] as MutableEndpoint).outstanding = 100;
    const chosen = new Set(conversations.map((text) => choose(affinity, endpoints, text)));
    expect(chosen.has(0)).toBe(false);
    expect(chosen.size).toBe(7);
  });

  it("is the last that served a shorter beginning where that of the longest is gone", () => {
    const system = promptText(0, 256);
    const all = idleEndpoints(8);
    all.forEach((gone, at) => {
      const affinity = new PrefixAffinity();
      const only = (endpoint: MutableEndpoint | undefined) =>
        all.map((one) => ({ ...one, usable: one === endpoint }));
      const other = (at + 1) % all.length;
      choose(affinity, only(gone), system + promptText(1, 256));
      choose(affinity, only(all[other]), system + promptText(2, 256));
      const left = all.map((one) => ({ ...one, usable: one !== gone }));
      expect(choose(affinity, left, system + promptText(1, 300))).toBe(other);
    });
  });

  it("is none where none is usable", () => {
    const endpoints = idleEndpoints(2).map((endpoint) => ({ ...endpoint, usable: false }));
    expect(choose(new PrefixAffinity(), endpoints, promptText(1, 300))).toBe(-1);
    expect(choose(new PrefixAffinity(), [], promptText(1, 300))).toBe(-1);
  });

  it("moves only to an endpoint that came, and only from one that went, for prompts not seen before", () => {
    const more = idleEndpoints(9);
    const fewer = more.slice(0, 8);
    const prompts = Array.from({ length: 4_000 }, (_, at) => promptText(at, 256));
    const of = (endpoints: readonly MutableEndpoint[]): readonly number[] =>
      prompts.map((text) => choose(new PrefixAffinity(8), endpoints, text));
    const before = of(fewer);
    const moved = of(more).filter((chosen, at) => chosen !== before[at]);
    expect(new Set(moved)).toEqual(new Set([8]));
    expect(moved.length / prompts.length).toBeGreaterThan(1 / 9 - 0.02);
    expect(moved.length / prompts.length).toBeLessThan(1 / 9 + 0.02);
  });

  it("stays within the bound, whatever comes", () => {
    const request = fc.record({ prompt: fc.nat({ max: 5 }), done: fc.nat() });
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 200 }),
        fc.integer({ min: 1, max: 6 }),
        (requests, count) => {
          const affinity = new PrefixAffinity(64);
          const endpoints = idleEndpoints(count);
          for (const { prompt, done } of requests) {
            const total = endpoints.reduce((sum, { outstanding }) => sum + outstanding, 0);
            const chosen = endpoints[choose(affinity, endpoints, promptText(prompt, 300))] as MutableEndpoint;
            expect(chosen.outstanding).toBeLessThanOrEqual((1.25 * total) / count + 1);
            chosen.outstanding++;
            const ending = endpoints[done % (count * 2)];
            if (ending && ending.outstanding > 0) ending.outstanding--;
          }
        },
      ),
    );
  });
});

/** Conversations whose turns are sent while others run; tells how often a replica had seen the turn before. */
function simulate(pick: (endpoints: readonly MutableEndpoint[], body: Buffer) => number): {
  readonly hitShare: number;
  readonly mostAboveMean: number;
} {
  const random = seededRandom(42);
  const endpoints = idleEndpoints(8);
  const caches = endpoints.map(() => new Set<string>());
  const running: MutableEndpoint[] = [];
  const systems = Array.from({ length: 3 }, (_, at) => promptText(at, 500));
  const conversations = Array.from({ length: 300 }, (_, at) => ({
    text: `${systems[at % 3]}${promptText(at + 10, 600)}`,
    turns: 0,
  }));
  let hits = 0;
  let laterTurns = 0;
  let mostAboveMean = 0;
  for (let request = 0; request < 6_000; request++) {
    const conversation = conversations[Math.floor(random() * conversations.length)];
    if (conversation === undefined) continue;
    const previous = conversation.text;
    conversation.text += promptText(request + 1_000, 40);
    const chosen = pick(endpoints, Buffer.from(conversation.text));
    const endpoint = endpoints[chosen] as MutableEndpoint;
    if (conversation.turns++ > 0) {
      laterTurns++;
      if (caches[chosen]?.has(previous)) hits++;
    }
    caches[chosen]?.add(conversation.text);
    endpoint.outstanding++;
    running.push(endpoint);
    const mean = running.length / endpoints.length;
    mostAboveMean = Math.max(mostAboveMean, endpoint.outstanding - 1.25 * mean);
    // About 64 run at once, and end in any order.
    if (running.length > 64) {
      const [ended] = running.splice(Math.floor(random() * running.length), 1);
      if (ended) ended.outstanding--;
    }
  }
  return { hitShare: hits / laterTurns, mostAboveMean };
}

describe("conversations on eight replicas", () => {
  it("meet their cache several times as often as by chance, without a replica above the bound", () => {
    const affinity = new PrefixAffinity();
    const random = seededRandom(43);
    const chance = simulate((endpoints) => Math.floor(random() * endpoints.length));
    const close = simulate((endpoints, body) => affinity.choose(endpoints, modelHash, body, 0, body.length));
    expect(chance.hitShare).toBeGreaterThan(0.08);
    expect(chance.hitShare).toBeLessThan(0.18);
    expect(close.hitShare).toBeGreaterThan(4 * chance.hitShare);
    // One request was within the bound of 1 above a quarter more than the mean, and is now itself counted.
    expect(close.mostAboveMean).toBeLessThanOrEqual(2);
    expect(chance.mostAboveMean).toBeGreaterThan(2);
  });
});
