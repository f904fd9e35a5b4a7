import type { Address } from "./connection/engine-connection.ts";

/** What the URL of an endpoint says. */
export interface EndpointUrl {
  readonly address: Address;
  /** Without a trailing slash and without the name behind `#`. */
  readonly baseUrl: string;
  /** Path of the base URL without a trailing slash, often empty. */
  readonly basePath: string;
  /** Host and port as the `Host` header says them. */
  readonly authority: string;
}

/**
 * Reads the URL of an endpoint: a base URL of the routing table, or an address that discovery found for one, such as
 * `https://10.0.0.7:8443/base#chat.inference.svc:443`, whose fragment is the host and port that it was found for.
 */
export function readEndpointUrl(url: string): EndpointUrl {
  const { protocol, hostname, port, pathname, host, hash } = new URL(url);
  const tls = protocol === "https:";
  const basePath = pathname === "/" ? "" : pathname;
  const name = hash.slice(1);
  return {
    address: {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? (tls ? 443 : 80) : Number(port),
      tls,
      ...(name !== "" && { name: name.replace(/:\d+$/, "") }),
    },
    baseUrl: `${protocol}//${host}${basePath}`,
    basePath,
    authority: name === "" ? host : name,
  };
}
