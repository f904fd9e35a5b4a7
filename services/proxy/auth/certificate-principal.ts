import type { Socket } from "node:net";
import type { PeerCertificate } from "node:tls";
import { ProxyFailure } from "../proxy-failure.ts";
import { isName, principalOf, type Principal } from "./principal.ts";

/** What of a client certificate says who it names. */
export type ClientCertificate = Pick<PeerCertificate, "subject" | "subjectaltname">;

/** What of a TLS connection says who its client is. A `TLSSocket` is one. */
export interface TlsPeer {
  /** The client has shown a certificate of a trusted authority. */
  readonly authorized: boolean;
  getPeerCertificate(): ClientCertificate;
}

/** By connection, which shows one certificate in its life. */
const principals = new WeakMap<Socket | TlsPeer, Principal>();

/**
 * Who the client certificate of a connection names: its URI, else its common name. Throws a `ProxyFailure` where there
 * is no certificate of a trusted authority, or where it leaves open who it names.
 */
export function principalOfCertificate(connection: Socket | TlsPeer | undefined): Principal {
  // Without TLS a connection does not say.
  if (!connection || !("authorized" in connection) || !connection.authorized)
    throw new ProxyFailure("CREDENTIAL_MISSING");
  const known = principals.get(connection);
  if (known) return known;
  const { subject, subjectaltname } = connection.getPeerCertificate();
  const id = nameIn(subject?.CN, subjectaltname);
  if (id === undefined) throw new ProxyFailure("CREDENTIAL_REFUSED");
  const principal = principalOf("certificate", id, []);
  principals.set(connection, principal);
  return principal;
}

/** @param alternatives the alternative names in Node's form, such as `DNS:a.example, URI:spiffe://example/a` */
export function nameIn(commonName: unknown, alternatives: string | undefined): string | undefined {
  const uris = urisAmong(alternatives ?? "");
  // Who has two names could pass for either.
  if (!uris || uris.length > 1) return undefined;
  const id = uris[0] ?? commonName;
  return isName(id) ? id : undefined;
}

/** Undefined where the text is not in the form that it should have: a name must not be able to look like a second one. */
function urisAmong(alternatives: string): string[] | undefined {
  const entry = /([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?:, |$)/y;
  const uris: string[] = [];
  while (entry.lastIndex < alternatives.length) {
    const [, type, quoted, plain = ""] = entry.exec(alternatives) ?? [];
    if (type === undefined) return undefined;
    if (type !== "URI") continue;
    // Node quotes a name only where it holds what no URI needs.
    if (quoted !== undefined) return undefined;
    uris.push(plain);
  }
  return uris;
}
