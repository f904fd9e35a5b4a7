import { isIPv6 } from "node:net";

/**
 * A base URL with an address in the place of its host, without a trailing slash. Of `https` its fragment is the host
 * and port that it had: an address shows the certificate of the name that led to it, and two names that lead to one
 * address are two endpoints. Base URLs of a routing table have no fragment.
 *
 * @param port @default the port of the URL
 */
export function withAddress(url: string, address: string, port?: number): string {
  const { protocol, host: name, hostname, port: ownPort, pathname } = new URL(url);
  const host = isIPv6(address) ? `[${address}]` : address;
  const shownPort = port ?? ownPort;
  const base = `${protocol}//${host}${shownPort === "" ? "" : `:${shownPort}`}${pathname === "/" ? "" : pathname}`;
  return protocol === "https:" && host !== hostname ? `${base}#${name}` : base;
}

/** Whether two sorted lists hold the same. */
export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((entry, at) => entry === right[at]);
}
