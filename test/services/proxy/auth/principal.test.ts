import { describe, expect, it } from "vitest";
import { principalOf } from "../../../../services/proxy/auth/principal.ts";

const jane = principalOf("domino", "jane", ["data-scientists"]);
const byKey = principalOf("domino", "jane", [], "a");

describe("the caller that limits count by", () => {
  it("differs by name and does not hold it", () => {
    const callers = [
      jane,
      principalOf("domino", "joe", []),
      principalOf("domino", "", [], "fingerprint"),
      principalOf("domino", "", [], "other"),
    ].map(({ caller }) => caller);
    expect(new Set(callers).size).toBe(callers.length);
    for (const caller of callers) expect(caller).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("is the same whatever the roles are, and whatever is shown, as it is in allow lists", () => {
    expect(principalOf("domino", "jane", ["ops"]).caller).toBe(jane.caller);
    expect(principalOf("jwt", "jane", [], "notebooks").caller).toBe(jane.caller);
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
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("is one where nothing tells a caller's keys apart, whatever the roles are", () => {
    expect(principalOf("domino", "jane", ["ops"]).key).toBe(jane.key);
  });
});
