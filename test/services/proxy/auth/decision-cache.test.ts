import { describe, expect, it } from "vitest";
import { CheckedCredentials } from "../../../../services/proxy/auth/checked-credentials.ts";
import { credentialOf } from "../../../../services/proxy/auth/credential.ts";
import { DecisionCache } from "../../../../services/proxy/auth/decision-cache.ts";
import { principalOf } from "../../../../services/proxy/auth/principal.ts";

const jane = principalOf("domino", "jane", []);

describe("the memory of decisions", () => {
  it("trusts a yes for the time that it is told and a no for 5 s", () => {
    let nowMs = 0;
    const cache = new DecisionCache(10, 60_000, () => nowMs);
    cache.accept("yes", jane);
    cache.refuse("no");
    nowMs = 4_999;
    expect([cache.get("yes"), cache.get("no")]).toEqual([jane, "refused"]);
    nowMs = 5_000;
    expect([cache.get("yes"), cache.get("no")]).toEqual([jane, undefined]);
    nowMs = 59_999;
    expect(cache.get("yes")).toBe(jane);
    nowMs = 60_000;
    expect(cache.get("yes")).toBeUndefined();
  });

  it("trusts a credential no longer than it is good for itself", () => {
    let nowMs = 0;
    const cache = new DecisionCache(10, 60_000, () => nowMs);
    cache.accept("short", jane, 1_000);
    cache.accept("over", jane, -1);
    expect([cache.get("short"), cache.get("over")]).toEqual([jane, undefined]);
    nowMs = 1_000;
    expect(cache.get("short")).toBeUndefined();
  });

  it("refuses for no longer than it trusts", () => {
    let nowMs = 0;
    const cache = new DecisionCache(10, 1_000, () => nowMs);
    cache.refuse("no");
    nowMs = 1_000;
    expect(cache.get("no")).toBeUndefined();
  });

  it("is bounded and keeps the half that was used last", () => {
    const cache = new DecisionCache(4, 60_000, () => 0);
    for (const name of ["a", "b", "c"]) cache.accept(name, jane);
    cache.get("a");
    for (const name of ["d", "e"]) cache.accept(name, jane);
    expect([cache.get("a"), cache.get("b"), cache.get("e")]).toEqual([jane, undefined, jane]);
    for (let index = 0; index < 100; index += 1) {
      cache.refuse(`made up ${index}`);
      cache.accept(`real ${index}`, jane);
    }
    expect(cache.size).toBeLessThanOrEqual(8);
  });

  it("keeps accepted keys however many made-up ones are refused", () => {
    const cache = new DecisionCache(2, 60_000, () => 0);
    cache.accept("a", jane);
    for (let index = 0; index < 100; index += 1) cache.refuse(`made up ${index}`);
    expect(cache.get("a")).toBe(jane);
  });

  it("takes the newer word where a credential was judged again", () => {
    const cache = new DecisionCache(2, 60_000, () => 0);
    cache.accept("a", jane);
    cache.refuse("a");
    expect(cache.get("a")).toBe("refused");
    cache.accept("a", jane);
    expect(cache.get("a")).toBe(jane);
  });
});

describe("a check behind the memory", () => {
  const key = (text: string) => credentialOf("x-domino-api-key", text);

  it("answers at once, without a promise, where the decision is known", async () => {
    const credentials = new CheckedCredentials(() => Promise.resolve({ principal: jane }), {
      trustedMs: 60_000,
      nowMs: () => 0,
    });
    expect(await credentials.decide(key("a"))).toBe(jane);
    expect(credentials.decide(key("a"))).toBe(jane);
  });

  it("lets a flood of made-up keys take only a part of the checks, so that known ones are still renewed", async () => {
    let nowMs = 0;
    let asked = 0;
    let hangs = false;
    const credentials = new CheckedCredentials(
      () => {
        asked += 1;
        return hangs ? new Promise(() => undefined) : Promise.resolve({ principal: jane });
      },
      { trustedMs: 60_000, nowMs: () => nowMs },
    );
    await credentials.decide(key("known"));
    nowMs = 60_000;
    hangs = true;
    for (let index = 0; index < 192; index += 1) void credentials.decide(key(`made up ${index}`));
    await expect(credentials.decide(key("one more"))).rejects.toMatchObject({ code: "AUTH_UNAVAILABLE" });
    expect(asked).toBe(193);
    hangs = false;
    expect(await credentials.decide(key("known"))).toBe(jane);
  });
});
