import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { selfSigned } from "./self-signed.ts";
import { replaceFile, startTestProxy, table, until, type TestProxy } from "./testbed.ts";

/** Fingerprint of the certificate that a new connection is shown. */
function shownBy(proxy: TestProxy): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: proxy.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

async function tlsFiles() {
  const folder = await mkdtemp(join(tmpdir(), "proxy-tls-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const write = async (pair: ReturnType<typeof selfSigned>) => {
    await writeFile(files.keyFile, pair.key);
    await replaceFile(files.certFile, pair.certificate);
  };
  await write(selfSigned("localhost"));
  return { files, write };
}

/** An answer's headers over TLS. */
function headersOf({ port }: TestProxy, path: string): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(answer.headers);
    });
    asked.on("error", reject).end();
  });
}

it("tells browsers to stay with TLS where there is TLS, and only there", async () => {
  const { files } = await tlsFiles();
  const encrypted = await startTestProxy(table(), { tls: files });
  for (const path of ["/livez", "/nothing"]) {
    expect(await headersOf(encrypted, path)).toMatchObject({
      "strict-transport-security": "max-age=31536000",
      "x-content-type-options": "nosniff",
    });
  }
  const plain = await startTestProxy(table());
  const { headers } = await fetch(`${plain.url}/livez`);
  expect(headers.get("strict-transport-security")).toBeNull();
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

it("shows new connections a renewed certificate without a restart", async () => {
  const { files, write } = await tlsFiles();
  const proxy = await startTestProxy(table(), { tls: files });
  const before = await shownBy(proxy);
  await write(selfSigned("localhost"));
  await until(async () => (await shownBy(proxy)) !== before);
  expect(proxy.logged.some(({ msg }) => msg === "certificate reloaded")).toBe(true);
});

it("keeps the last good certificate when the new one cannot be used, and takes the next good one", async () => {
  const { files, write } = await tlsFiles();
  const proxy = await startTestProxy(table(), { tls: files });
  const before = await shownBy(proxy);
  await replaceFile(files.certFile, "no certificate");
  await until(() => proxy.logged.some(({ msg }) => String(msg).startsWith("certificate refused")));
  expect(await shownBy(proxy)).toBe(before);
  await write(selfSigned("localhost"));
  await until(async () => (await shownBy(proxy)) !== before);
});
