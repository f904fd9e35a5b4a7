import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "pino";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { TlsFiles } from "../proxy-options.ts";
import { WatchedFiles } from "../watched-files.ts";

/** What a server needs to speak TLS. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: "TLSv1.2";
  /** Authorities of client certificates; a server with them refuses connections without one. */
  readonly ca?: Buffer;
  readonly requestCert?: true;
  readonly rejectUnauthorized?: true;
}

/**
 * Reads a certificate with its key, and the authorities of clients where there are some.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID where they cannot be read or do not belong together
 */
export async function loadCertificate({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Certificate> {
  const ca = clientCaFile === undefined ? undefined : await loadAuthorities(clientCaFile);
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    const clients = ca && ({ ca, requestCert: true, rejectUnauthorized: true } as const);
    const certificate = { cert, key, minVersion: "TLSv1.2", ...clients } as const;
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const message = `cannot use the certificate ${certFile} with the key ${keyFile} (${reasonOf(error)})`;
    throw new PlatformError([{ code: "PROXY_CONFIG_INVALID", message, path: "--tls-cert" }], {
      cause: error,
    });
  }
}

/** Reads every block by itself: OpenSSL takes a file without a certificate as an authority that signed nothing. */
async function loadAuthorities(file: string): Promise<Buffer> {
  try {
    const text = await readFile(file);
    const blocks = text.toString("latin1").match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [];
    if (blocks.length === 0) throw new Error("no certificate in PEM");
    for (const block of blocks) new X509Certificate(block);
    return text;
  } catch (error) {
    const message = `cannot use the client authorities ${file} (${reasonOf(error)})`;
    throw new PlatformError([{ code: "PROXY_CONFIG_INVALID", message, path: "--tls-client-ca" }], {
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  return "code" in error ? String(error.code) : error.message;
}

/** What new connections come through. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

/**
 * Gives new connections the certificate that the files hold now: an issuer renews it long before the process ends.
 * Open connections keep theirs, also where the authority of their client is gone; files that cannot be used are logged
 * and the last good ones stay.
 */
export function watchCertificate(
  servers: readonly SecureServer[],
  files: TlsFiles,
  pollMs: number,
  log: Logger,
): Promise<WatchedFiles> {
  const { certFile, keyFile, clientCaFile } = files;
  const watched = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  return WatchedFiles.start(watched, pollMs, async () => {
    try {
      const certificate = await loadCertificate(files);
      for (const server of servers) server.setSecureContext(certificate);
      log.info({ file: files.certFile }, "certificate reloaded");
    } catch (error) {
      const problems = PlatformError.is(error) ? { problems: error.problems } : { err: error };
      log.error({ file: files.certFile, ...problems }, "certificate refused, the last good one stays");
    }
  });
}
