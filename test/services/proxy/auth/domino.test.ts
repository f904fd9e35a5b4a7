import { describe, expect, it, onTestFinished } from "vitest";
import { openAuthenticator } from "../../../../services/proxy/auth/open-authenticator.ts";
import type { Principal } from "../../../../services/proxy/auth/principal.ts";
import { captureLog, json, startEngine, type Engine } from "../testbed.ts";
import { senderOf } from "./sender.ts";

/** Who Domino's answer makes of the holder of a key. */
async function principalFor(
  answer: unknown,
  headers: Record<string, string> = { "x-domino-api-key": "good" },
  path = "",
): Promise<[Principal, Engine]> {
  const host = await startEngine((_received, response) => json(response, 200, answer));
  const authenticator = await openAuthenticator(
    { kind: "credentials", domino: { hostUrl: host.url + path } },
    { log: captureLog().log, filesPollMs: 1_000 },
  );
  onTestFinished(() => authenticator.close());
  return [await authenticator.authenticate(senderOf(headers)), host];
}

const known = { isAnonymous: false, isAdmin: false };

describe("a principal of Domino", () => {
  it.each([
    ["by its name", { canonicalName: "jane", canonicalId: "4711" }, "jane"],
    ["by its user name", { userName: "jane", canonicalId: "4711" }, "jane"],
    ["by its id, without a name", { canonicalId: "4711" }, "4711"],
    ["by its id, where the name is empty", { canonicalName: "", canonicalId: "4711" }, "4711"],
    ["by its id, where the name is no text", { canonicalName: { a: 1 }, canonicalId: "4711" }, "4711"],
    ["not at all, where Domino does not name it", {}, ""],
  ])("is called %s", async (_what, answer, id) => {
    const [principal] = await principalFor({ ...known, ...answer });
    expect(principal).toMatchObject({ id, kind: "domino", roles: [] });
  });

  it("has the roles and groups that Domino tells of", async () => {
    const [principal] = await principalFor({ ...known, allSystemRoles: ["Librarian", 3], groups: ["ops"] });
    expect(principal.roles).toEqual(["Librarian", "ops"]);
  });

  it("is an administrator only where Domino says so, not by the name of a group", async () => {
    const [admin] = await principalFor({ ...known, isAdmin: true, groups: ["ops"] });
    expect(admin.roles).toEqual(["admin", "ops"]);
    for (const isAdmin of [false, "true", 1, undefined]) {
      const [principal] = await principalFor({ ...known, isAdmin, groups: ["admin"] });
      expect(principal.roles).toEqual([]);
    }
  });

  const ownKeys = async (answer: unknown): Promise<readonly Principal[]> => {
    const asked = ["a", "b"].map((key) => principalFor(answer, { "x-domino-api-key": key }));
    return (await Promise.all(asked)).map(([principal]) => principal);
  };

  it("is one caller with all its API keys, each of which is told apart", async () => {
    const [one, other] = await ownKeys({ ...known, canonicalName: "jane" });
    expect(one?.caller).toBe(other?.caller);
    expect(new Set([one?.caller, one?.key, other?.key]).size).toBe(3);
  });

  it("is as many callers as keys where Domino names nobody", async () => {
    const [one, other] = await ownKeys(known);
    expect(new Set([one?.caller, one?.key, other?.caller, other?.key]).size).toBe(4);
  });

  it("has one key for all its bearer tokens, which are renewed every few minutes", async () => {
    const asked = ["a", "b"].map((text) =>
      principalFor({ ...known, canonicalName: "jane" }, { authorization: `Bearer ${text}` }),
    );
    const [one, other] = (await Promise.all(asked)).map(([principal]) => principal);
    expect(one).toEqual(other);
  });

  it("is asked for below the base path of Domino", async () => {
    const [, host] = await principalFor(known, { "x-domino-api-key": "good" }, "/domino/");
    expect(host.received).toMatchObject([
      { url: "/domino/v4/auth/principal", headers: { "x-domino-api-key": "good" } },
    ]);
  });
});
