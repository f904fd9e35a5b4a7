import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AuthOptions } from "../../../services/proxy/proxy-options.ts";
import { selfSigned } from "./self-signed.ts";
import { envelope } from "./raw-request.ts";
import { replaceFile, startNamedEngine, startTestProxy, table, tritonServer, until } from "./testbed.ts";

type Pair = ReturnType<typeof selfSigned>;

const server = selfSigned("localhost");
const batch = selfSigned("batch", "spiffe://example/batch");
const stranger = selfSigned("batch", "spiffe://example/batch");

/** A proxy that lets in whoever has the certificate of `client`, which is its own authority. */
async function guarded(auth: AuthOptions, client: Pair = batch) {
  const folder = await mkdtemp(join(tmpdir(), "proxy-clients-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = ["tls.crt", "tls.key", "clients.crt"].map((name) => join(folder, name));
  const [certFile = "", keyFile = "", clientCaFile = ""] = files;
  await writeFile(certFile, server.certificate);
  await writeFile(keyFile, server.key);
  await writeFile(clientCaFile, client.certificate);
  const engine = await startNamedEngine("one");
  const tls = { certFile, keyFile, clientCaFile };
  const proxy = await startTestProxy(table(tritonServer([engine.url])), { auth, tls });
  return { proxy, engine, clientCaFile };
}

/** The status of a request over a connection of its own; undefined where none came about. */
function ask(port: number, client?: Pair, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request(
      {
        ...{ host: "127.0.0.1", port, path: "/predict", method: "POST", headers, agent: false },
        ...{ rejectUnauthorized: false, ...(client && { cert: client.certificate, key: client.key }) },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asked.once("error", () => resolve(undefined));
    asked.end(envelope);
  });
}

describe("client certificates", () => {
  it("let in whoever shows one of a trusted authority, and nobody else", async () => {
    const { proxy, engine } = await guarded({ kind: "credentials", certificate: true });
    expect(await ask(proxy.port, batch)).toBe(200);
    expect(await ask(proxy.port)).toBeUndefined();
    expect(await ask(proxy.port, stranger)).toBeUndefined();
    expect(engine.received).toHaveLength(1);
  });

  it("are enough without a header, and with one that nobody reads", async () => {
    const { proxy } = await guarded({ kind: "credentials", certificate: true });
    expect(await ask(proxy.port, batch, { authorization: "Bearer unused" })).toBe(200);
  });

  it("do not make a bad credential good that is sent along", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxy-tokens-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "tokens.json");
    await writeFile(file, "[]");
    const { proxy, engine } = await guarded({ kind: "credentials", certificate: true, token: { file } });
    expect(await ask(proxy.port, batch, { "x-api-key": "bad" })).toBe(401);
    expect(engine.received).toHaveLength(0);
    expect(await ask(proxy.port, batch)).toBe(200);
  });

  it("that leave open who they name are refused", async () => {
    const two = selfSigned("batch", "spiffe://example/a", "spiffe://example/b");
    const { proxy } = await guarded({ kind: "credentials", certificate: true }, two);
    expect(await ask(proxy.port, two)).toBe(401);
  });

  it("are only a gate where another kind of credential is asked for", async () => {
    const { proxy } = await guarded({ kind: "none" });
    expect(await ask(proxy.port, batch)).toBe(200);
    expect(await ask(proxy.port)).toBeUndefined();
  });

  it("are judged by the authorities that the file holds now", async () => {
    const { proxy, clientCaFile } = await guarded({ kind: "credentials", certificate: true });
    await replaceFile(clientCaFile, stranger.certificate);
    await until(() => proxy.logged.some(({ msg }) => msg === "certificate reloaded"));
    expect(await ask(proxy.port, batch)).toBeUndefined();
    expect(await ask(proxy.port, stranger)).toBe(200);
    await replaceFile(clientCaFile, "no certificate");
    await until(() => proxy.logged.some(({ msg }) => String(msg).startsWith("certificate refused")));
    expect(await ask(proxy.port, stranger)).toBe(200);
  });

  it("need a file that holds authorities", async () => {
    await expect(guarded({ kind: "none" }, { certificate: "nothing", key: "" })).rejects.toThrow(
      /PROXY_CONFIG_INVALID --tls-client-ca: cannot use the client authorities .* \(no certificate in PEM\)/,
    );
  });
});
