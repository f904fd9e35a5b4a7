import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
