import type { Socket } from "node:net";
import type { TlsPeer } from "./certificate-principal.ts";
import type { Principal } from "./principal.ts";

/** What of a request says who sends it. */
export interface Sender {
  /** One value of a header; throws a `ProxyFailure` for a header that is given twice or without a value. */
  header(name: string): string | undefined;
  /** The connection, whose client certificate may count, or as much as is known of it; undefined for nothing. */
  readonly socket: Socket | TlsPeer | undefined;
}

/** Decides who may use the proxy. */
export interface Authenticator {
  /** Throws a `ProxyFailure`, or rejects with one, for who may not. A promise only where somebody has to be asked. */
  authenticate(sender: Sender): Principal | Promise<Principal>;
  close(): Promise<void>;
}
