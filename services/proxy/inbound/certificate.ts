import { readFile } from "node:fs/promises";
import type { Server as HttpsServer } from "node:https";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import type { ProxyOptions } from "../proxy-options.ts";
import { WatchedFiles } from "../watched-files.ts";

type CertificateFiles = NonNullable<ProxyOptions["tls"]>;

/** What a server needs to speak TLS. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: "TLSv1.2";
}

/**
 * Reads a certificate with its key.
 *
 * @throws PlatformError PROXY_CONFIG_INVALID where they cannot be read or do not belong together
 */
export async function loadCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    const certificate = { cert, key, minVersion: "TLSv1.2" } as const;
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
    const message = `cannot use the certificate ${certFile} with the key ${keyFile} (${reason})`;
    throw new PlatformError([{ code: "PROXY_CONFIG_INVALID", message, path: "--tls-cert" }], {
      cause: error,
    });
  }
}

/**
 * Gives new connections the certificate that the files hold now: an issuer renews it long before the process ends.
 * Open connections keep theirs; a pair that cannot be used is logged and the last good one stays.
 */
export function watchCertificate(
  server: HttpsServer,
  files: CertificateFiles,
  pollMs: number,
  log: Logger,
): Promise<WatchedFiles> {
  return WatchedFiles.start([files.certFile, files.keyFile], pollMs, async () => {
    try {
      server.setSecureContext(await loadCertificate(files));
      log.info({ file: files.certFile }, "certificate reloaded");
    } catch (error) {
      const problems = PlatformError.is(error) ? { problems: error.problems } : { err: error };
      log.error({ file: files.certFile, ...problems }, "certificate refused, the last good one stays");
    }
  });
}
