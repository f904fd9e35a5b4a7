import { isIPv6 } from "node:net";

/**
 * A base URL with an address in the place of its host, without a trailing slash.
 *
 * @param port @default the port of the URL
 */
export function withAddress(url: string, address: string, port?: number): string {
  const { protocol, port: ownPort, pathname } = new URL(url);
  const host = isIPv6(address) ? `[${address}]` : address;
  const shownPort = port ?? ownPort;
  return `${protocol}//${host}${shownPort === "" ? "" : `:${shownPort}`}${pathname === "/" ? "" : pathname}`;
}

/** Whether two sorted lists hold the same. */
export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((entry, at) => entry === right[at]);
}
