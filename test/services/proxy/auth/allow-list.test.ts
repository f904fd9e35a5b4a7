import { describe, expect, it } from "vitest";
import { mayUse } from "../../../../services/proxy/auth/allow-list.ts";
import { anonymous, principalOf } from "../../../../services/proxy/auth/principal.ts";

const jane = principalOf("domino", "jane", ["data-scientists"]);
const nameless = principalOf("domino", "", [], "fingerprint");

describe("who may use a model", () => {
  it.each([
    ["everybody, without a list", jane, undefined, true],
    ["whoever is not asked, without a list", anonymous, undefined, true],
    ["a user of the list", jane, { users: ["joe", "jane"] }, true],
    ["a user with a role of the list", jane, { roles: ["ops", "data-scientists"] }, true],
    [
      "a user with the role alone, next to other users",
      jane,
      { users: ["joe"], roles: ["data-scientists"] },
      true,
    ],
    ["nobody else by name", jane, { users: ["joe"] }, false],
    ["nobody else by role", jane, { roles: ["ops"] }, false],
    ["no user whose name is a role of the list", jane, { roles: ["jane"] }, false],
    ["no user whose role is a name of the list", jane, { users: ["data-scientists"] }, false],
    ["no name in another case", jane, { users: ["Jane"] }, false],
    ["nobody, by an empty list", jane, {}, false],
    ["nobody, by empty users and roles", jane, { users: [], roles: [] }, false],
    ["not whoever is not asked, whatever the list says", anonymous, { users: ["anonymous"] }, false],
    ["not whom Domino does not name", nameless, { users: ["jane"] }, false],
  ])("%s", (_what, principal, allow, expected) => {
    expect(mayUse(principal, allow)).toBe(expected);
  });
});
