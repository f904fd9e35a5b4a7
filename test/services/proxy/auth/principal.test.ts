import { describe, expect, it } from "vitest";
import { principalOf } from "../../../../services/proxy/auth/principal.ts";

const jane = principalOf("domino", "jane", ["data-scientists"]);
const byKey = principalOf("domino", "jane", [], "a");

describe("the caller that limits count by", () => {
  it("differs by kind and by name, and holds neither", () => {
    const callers = [
      jane,
      principalOf("token", "jane", []),
      principalOf("domino", "joe", []),
      principalOf("domino", "", [], "fingerprint"),
      principalOf("domino", "", [], "other"),
    ].map(({ caller }) => caller);
    expect(new Set(callers).size).toBe(callers.length);
    for (const caller of callers) expect(caller).toMatch(/^(domino|token):[A-Za-z0-9_-]{22}$/);
  });

  it("is the same whatever the roles are, and whatever key is shown", () => {
    expect(principalOf("domino", "jane", ["ops"]).caller).toBe(jane.caller);
    expect(byKey.caller).toBe(jane.caller);
  });
});

describe("the key that limits count by", () => {
  it("differs for each of a caller's keys, and for the same key of another caller", () => {
    const keys = [
      byKey,
      principalOf("domino", "jane", [], "b"),
      principalOf("domino", "joe", [], "a"),
      principalOf("token", "jane", [], "a"),
      principalOf("domino", "", [], "a"),
      jane,
    ].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^(domino|token):[A-Za-z0-9_-]{22}$/);
  });

  it("is the caller where nothing tells its keys apart", () => {
    expect(jane.key).toBe(jane.caller);
  });
});
