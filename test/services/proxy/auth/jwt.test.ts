import { describe, expect, it } from "vitest";
import type { Authenticator } from "../../../../services/proxy/auth/authenticator.ts";
import { openAuthenticator } from "../../../../services/proxy/auth/open-authenticator.ts";
import type { Principal } from "../../../../services/proxy/auth/principal.ts";
import type { JwtAuth } from "../../../../services/proxy/proxy-options.ts";
import { captureLog, json, startEngine, type Answer, type Engine } from "../testbed.ts";
import { senderOf } from "./sender.ts";
import { audience, issuer, keySet, nowSeconds, rsaKey, token, type SigningKey } from "./tokens.ts";

const first = rsaKey("first");
const second = rsaKey("second");

interface Issuer {
  readonly host: Engine;
  publish(...keys: readonly SigningKey[]): void;
  fail(): void;
}

async function startIssuer(): Promise<Issuer> {
  let answer: Answer = (_received, response) => json(response, 200, keySet(first));
  const host = await startEngine((received, response, message) => answer(received, response, message));
  return {
    host,
    publish: (...keys) => (answer = (_received, response) => json(response, 200, keySet(...keys))),
    fail: () => (answer = (_received, response) => response.destroy()),
  };
}

interface Clock {
  nowMs: number;
}

async function open(host: Engine, clock: Clock, changes: Partial<JwtAuth> = {}): Promise<Authenticator> {
  const startedAtMs = Date.now();
  return openAuthenticator(
    { kind: "credentials", jwt: { jwksUrl: `${host.url}/certs`, issuer, audience, ...changes } },
    {
      log: captureLog().log,
      filesPollMs: 1_000,
      nowMs: () => clock.nowMs,
      epochMs: () => startedAtMs + clock.nowMs,
    },
  );
}

const bearer = (text: string) => senderOf({ authorization: `Bearer ${text}` });
const refused = { code: "CREDENTIAL_REFUSED" };
const unavailable = { code: "AUTH_UNAVAILABLE" };
const ask = async (authenticator: Authenticator, text: string): Promise<Principal> =>
  authenticator.authenticate(bearer(text));

describe("authentication by signed tokens", () => {
  it("names the user and the roles that the token's claims name", async () => {
    const { host } = await startIssuer();
    const authenticator = await open(host, { nowMs: 0 });
    expect(await ask(authenticator, token(first))).toMatchObject({
      id: "jane",
      roles: ["data-scientists"],
      kind: "jwt",
    });
    expect(host.received).toMatchObject([{ method: "GET", url: "/certs" }]);
  });

  it("reads other claims where it is told to", async () => {
    const { host } = await startIssuer();
    const authenticator = await open(host, { nowMs: 0 }, { userClaim: "sub", rolesClaim: "groups" });
    const given = token(first, { sub: "4711", groups: ["ops", 3, ""] });
    expect(await ask(authenticator, given)).toMatchObject({ id: "4711", roles: ["ops"] });
    await expect(ask(authenticator, token(first))).rejects.toMatchObject(refused);
  });

  it("takes an audience that is one of several", async () => {
    const { host } = await startIssuer();
    const authenticator = await open(host, { nowMs: 0 });
    expect(await ask(authenticator, token(first, { aud: ["account", audience] }))).toBeTruthy();
  });

  /** Who tokens with these claims belong to. */
  const principalsOf = async (...changes: readonly Record<string, unknown>[]): Promise<Principal[]> => {
    const { host } = await startIssuer();
    const authenticator = await open(host, { nowMs: 0 });
    return Promise.all(changes.map((claims) => ask(authenticator, token(first, claims))));
  };

  it("gives one user the same names for every token, and different users different ones", async () => {
    const [one, other, third] = await principalsOf({}, { jti: "other" }, { preferred_username: "joe" });
    expect(one).toEqual(other);
    expect(one?.caller).not.toBe(third?.caller);
    expect(one?.key).not.toBe(third?.key);
  });

  it("tells a user's tokens apart by the application that they were issued to, through renewals", async () => {
    const [one, renewed, another, none] = await principalsOf(
      { azp: "notebooks" },
      { azp: "notebooks", jti: "renewed" },
      { client_id: "dashboard" },
      { azp: 5, client_id: "" },
    );
    expect(one).toEqual(renewed);
    expect(new Set([one?.caller, another?.caller, none?.caller]).size).toBe(1);
    expect(new Set([one?.key, another?.key, none?.key]).size).toBe(3);
  });

  it("allows for the clocks to differ by 30 s and no more", async () => {
    const { host } = await startIssuer();
    const authenticator = await open(host, { nowMs: 0 });
    expect(await ask(authenticator, token(first, { exp: nowSeconds() - 20 }))).toBeTruthy();
    expect(await ask(authenticator, token(first, { nbf: nowSeconds() + 20 }))).toBeTruthy();
    await expect(ask(authenticator, token(first, { exp: nowSeconds() - 40 }))).rejects.toMatchObject(refused);
    await expect(ask(authenticator, token(first, { nbf: nowSeconds() + 40 }))).rejects.toMatchObject(refused);
  });

  it("remembers a token, but not beyond its end", async () => {
    const { host } = await startIssuer();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock, { clockSkewSeconds: 0 });
    const given = token(first, { exp: nowSeconds() + 10 });
    const principal = await ask(authenticator, given);
    expect(authenticator.authenticate(bearer(given))).toBe(principal);
    clock.nowMs = 11_000;
    await expect(ask(authenticator, given)).rejects.toMatchObject(refused);
  });

  it("verifies a token anew after 60 s", async () => {
    const { host } = await startIssuer();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock);
    const given = token(first);
    await ask(authenticator, given);
    clock.nowMs = 59_999;
    expect(authenticator.authenticate(bearer(given))).not.toBeInstanceOf(Promise);
    clock.nowMs = 60_000;
    expect(authenticator.authenticate(bearer(given))).toBeInstanceOf(Promise);
  });
});

describe("the keys of an issuer", () => {
  it("are fetched anew for a token of a key that is not known", async () => {
    const { host, publish } = await startIssuer();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock);
    await ask(authenticator, token(first));
    publish(first, second);
    clock.nowMs = 20_000;
    expect(await ask(authenticator, token(second))).toBeTruthy();
    expect(host.received).toHaveLength(2);
  });

  it("are not asked for by every token that names a made-up key", async () => {
    const { host } = await startIssuer();
    const clock = { nowMs: 20_000 };
    const authenticator = await open(host, clock);
    const madeUp = rsaKey("made up");
    for (let index = 0; index < 20; index += 1) {
      await expect(ask(authenticator, token(madeUp, { jti: index }))).rejects.toMatchObject(refused);
    }
    expect(host.received).toHaveLength(1);
  });

  it("are no longer used ten minutes after the issuer has withdrawn them", async () => {
    const { host, publish } = await startIssuer();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock);
    const long = { exp: nowSeconds() + 86_400 };
    await ask(authenticator, token(first, long));
    publish(second);
    clock.nowMs = 600_000;
    await expect(ask(authenticator, token(first, long))).rejects.toMatchObject(refused);
  });

  it("stay in use for an hour while the issuer cannot be reached, and not for longer", async () => {
    const { host, fail, publish } = await startIssuer();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock);
    const long = { exp: nowSeconds() + 86_400 };
    await ask(authenticator, token(first, long));
    fail();
    clock.nowMs = 3_599_000;
    expect(await ask(authenticator, token(first, long))).toBeTruthy();
    clock.nowMs = 3_700_000;
    await expect(ask(authenticator, token(first, long))).rejects.toMatchObject(unavailable);
    publish(first);
    clock.nowMs = 3_720_000;
    expect(await ask(authenticator, token(first, long))).toBeTruthy();
  });

  it.each([
    ["no answer", (_received, response) => response.destroy()],
    ["an error", (_received, response) => json(response, 500, keySet(first))],
    ["a redirect", (_received, response) => response.writeHead(302, { location: "/keys" }).end()],
    ["a page", (_received, response) => response.end("<html>")],
    ["no key set", (_received, response) => json(response, 200, { keys: "first" })],
    ["an endless one", (_received, response) => json(response, 200, " ".repeat(300_000))],
  ] satisfies [string, Answer][])(
    "are missing where the issuer gives %s: 503, never yes",
    async (_what, answer) => {
      const authenticator = await open(await startEngine(answer), { nowMs: 0 });
      await expect(ask(authenticator, token(first))).rejects.toMatchObject(unavailable);
    },
  );

  it("that are missing once are asked for again", async () => {
    const { host, fail, publish } = await startIssuer();
    fail();
    const clock = { nowMs: 0 };
    const authenticator = await open(host, clock);
    await expect(ask(authenticator, token(first))).rejects.toMatchObject(unavailable);
    publish(first);
    clock.nowMs = 10_000;
    expect(await ask(authenticator, token(first))).toBeTruthy();
  });
});
