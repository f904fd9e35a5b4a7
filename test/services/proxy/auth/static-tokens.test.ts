import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openAuthenticator } from "../../../../services/proxy/auth/open-authenticator.ts";
import type { Principal } from "../../../../services/proxy/auth/principal.ts";
import { parseTokens } from "../../../../services/proxy/auth/tokens-file.ts";
import { captureLog, replaceFile, until } from "../testbed.ts";
import { senderOf } from "./sender.ts";

const plain = "a-token-of-a-batch-job-0123456789";
const hashed = "a-token-of-a-notebook-0123456789";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const services = [
  { name: "batch", roles: ["writers"], token: plain },
  { name: "notebook", sha256: sha256(hashed).toUpperCase() },
];

async function opened(text: string) {
  const folder = await mkdtemp(join(tmpdir(), "proxy-tokens-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "tokens.yaml");
  await writeFile(file, text);
  const { log, logged } = captureLog();
  const authenticator = await openAuthenticator(
    { kind: "credentials", token: { file } },
    { log, filesPollMs: 10 },
  );
  onTestFinished(() => authenticator.close());
  return { authenticator, file, logged };
}

describe("service tokens", () => {
  it("are taken as a bearer token or as x-api-key, given plain or as a hash", async () => {
    const { authenticator } = await opened(JSON.stringify(services));
    const batch = { id: "batch", roles: ["writers"], kind: "token" };
    expect(authenticator.authenticate(senderOf({ authorization: `Bearer ${plain}` }))).toMatchObject(batch);
    expect(authenticator.authenticate(senderOf({ "x-api-key": plain }))).toMatchObject(batch);
    expect(authenticator.authenticate(senderOf({ "x-api-key": hashed }))).toMatchObject({
      id: "notebook",
      roles: [],
    });
  });

  it.each([
    ["one that no service has", { "x-api-key": "another-token-of-a-batch-job-012345" }],
    ["a hash instead of the token", { "x-api-key": sha256(hashed) }],
    ["a token in another case", { "x-api-key": plain.toUpperCase() }],
    ["a token with its scheme as a key", { "x-api-key": `Bearer ${plain}` }],
    ["a bad key next to a good bearer token", { "x-api-key": "bad", authorization: `Bearer ${plain}` }],
  ])("refuse %s", async (_what, headers: Record<string, string>) => {
    const { authenticator } = await opened(JSON.stringify(services));
    expect(() => authenticator.authenticate(senderOf(headers))).toThrow(
      expect.objectContaining({ code: "CREDENTIAL_REFUSED" }) as Error,
    );
  });

  it("may be several of one service, so that one can replace the other, each a key of its own", async () => {
    const { authenticator } = await opened(`
- {name: batch, token: ${plain}}
- {name: batch, sha256: ${sha256(hashed)}}
`);
    const [one, other] = [plain, hashed].map((key) =>
      authenticator.authenticate(senderOf({ "x-api-key": key })),
    );
    expect(other).toEqual({ ...one, key: expect.not.stringMatching((one as Principal).key) as string });
  });

  it("follow the file, and stay as they were while it cannot be used", async () => {
    const { authenticator, file, logged } = await opened(JSON.stringify(services));
    const ask = () => authenticator.authenticate(senderOf({ "x-api-key": plain }));
    await replaceFile(file, `- {name: batch, token: short}`);
    await until(() => logged.some(({ msg }) => String(msg).startsWith("service tokens refused")));
    expect(ask()).toMatchObject({ id: "batch" });
    await replaceFile(file, "[]");
    await until(() => logged.some(({ msg }) => msg === "service tokens reloaded"));
    expect(ask).toThrow(expect.objectContaining({ code: "CREDENTIAL_REFUSED" }) as Error);
  });
});

describe("a tokens file", () => {
  it.each([
    ["no list", "{}", "expected a list"],
    ["nothing", "", "expected a list"],
    ["no YAML", `[{"name": "${plain}`, "is neither YAML nor JSON"],
    ["an alias", `- &a {name: a, token: ${plain}}\n- *a`, "must not use YAML aliases"],
    ["an entry without a name", `[{"token": "${plain}"}]`, "entry 1: name: "],
    ["an entry without a token", `[{"name": "a"}]`, "entry 1: expected either sha256 or token"],
    ["both", `[{"name": "a", "token": "${plain}", "sha256": "${sha256(plain)}"}]`, "either sha256 or token"],
    ["a token that is too short", `[{"name": "a", "token": "secret-and-short"}]`, "at least 32 characters"],
    ["a token with a space", `[{"name": "a", "token": "${plain} b"}]`, "without spaces"],
    ["no hash", `[{"name": "a", "sha256": "${plain}"}]`, "64 hexadecimal digits"],
    ["a token as a key", `[{"name": "a", "${plain}": "x"}]`, "and nothing else"],
    ["a token as a list", `["${plain}"]`, "entry 1: expected"],
    ["one token twice", JSON.stringify([services[0], { name: "b", sha256: sha256(plain) }]), "listed twice"],
    ["more than 1 MiB", " ".repeat(1024 * 1024 + 1), "larger than 1 MiB"],
  ])("with %s is refused, without a token in the message", (_what, text, message) => {
    const parse = () => parseTokens(text, "tokens.yaml");
    expect(parse).toThrow(expect.objectContaining({ code: "PROXY_CONFIG_INVALID" }) as Error);
    expect(parse).toThrow(message);
    for (const secret of [plain, hashed, "secret-and-short"]) {
      expect(parse).not.toThrow(secret);
    }
  });

  it("is told all that is wrong with it at once", () => {
    expect.assertions(1);
    try {
      parseTokens(`[{"name": ""}, {"name": "b", "token": "x"}]`, "t");
    } catch (error) {
      expect((error as { problems: unknown[] }).problems.length).toBeGreaterThan(1);
    }
  });

  it("that is not there ends the start", async () => {
    const file = "/nowhere/tokens.yaml";
    await expect(
      openAuthenticator({ kind: "credentials", token: { file } }, { log: captureLog().log, filesPollMs: 10 }),
    ).rejects.toThrow(`cannot read ${file} (ENOENT)`);
  });
});
