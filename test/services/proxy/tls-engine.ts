import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createSecureContext, getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import { selfSigned } from "./self-signed.ts";

/** As whom an engine was asked. */
interface ReceivedByName {
  readonly serverName: string | false | null | undefined;
  readonly host: string | undefined;
  readonly url: string | undefined;
}

export interface TlsEngine {
  readonly port: number;
  /** All requests so far, oldest first. */
  readonly received: readonly ReceivedByName[];
}

/**
 * A real HTTPS server on a free port of 127.0.0.1 that answers `{}` with 200; stopped when the test ends. It shows a
 * certificate of the name that it is asked by, else of the first. The process trusts them from now on, as it trusts
 * those of `NODE_EXTRA_CA_CERTS`.
 *
 * @param maxVersion @default the newest
 */
export async function startTlsEngine(
  names: readonly [string, ...string[]],
  maxVersion?: "TLSv1.2",
): Promise<TlsEngine> {
  const shown = names.map(trustedCertificate);
  const [first] = shown;
  const received: ReceivedByName[] = [];
  const server = createServer(
    {
      cert: first?.certificate,
      key: first?.key,
      ...(maxVersion && { maxVersion }),
      SNICallback: (name, done) => {
        const asked = shown[names.indexOf(name)] ?? first;
        done(null, createSecureContext({ cert: asked?.certificate, key: asked?.key }));
      },
    },
    ({ socket, headers, url }, response) => {
      received.push({ serverName: (socket as TLSSocket).servername, host: headers.host, url });
      response.setHeader("content-type", "application/json").end("{}");
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { port: (server.address() as AddressInfo).port, received };
}

/** One a name: of two authorities with the same name only the first is looked at. */
const certificates = new Map<string, ReturnType<typeof selfSigned>>();

/** A certificate of a name that this process trusts from now on. */
export function trustedCertificate(name: string): ReturnType<typeof selfSigned> {
  const known = certificates.get(name);
  if (known) return known;
  const made = selfSigned(name);
  certificates.set(name, made);
  setDefaultCACertificates([...getCACertificates("default"), made.certificate]);
  return made;
}
