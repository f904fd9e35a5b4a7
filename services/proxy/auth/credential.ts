import { createHash } from "node:crypto";
import type { InboundRequest } from "../inbound/inbound-request.ts";
import { ProxyFailure } from "../proxy-failure.ts";

/** What a client proves its identity with, in the header that Domino knows it by. */
export interface Credential {
  readonly header: "x-domino-api-key" | "authorization";
  readonly value: string;
}

/** Bearer tokens with many groups reach several KiB; Node refuses headers above 16 KiB in total. */
const maxCredentialLength = 12 * 1024;

/** Reads the API key or else the bearer token. A request with both is judged by the key. */
export function readCredential(inbound: InboundRequest): Credential {
  const apiKey = inbound.header("x-domino-api-key");
  if (apiKey !== undefined) return credential("x-domino-api-key", apiKey);
  const authorization = inbound.header("authorization");
  if (authorization === undefined) throw new ProxyFailure("CREDENTIAL_MISSING");
  const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
  if (token === undefined) throw new ProxyFailure("CREDENTIAL_REFUSED");
  return credential("authorization", `Bearer ${token}`);
}

/** Names a credential in the cache without holding it. */
export function fingerprint({ header, value }: Credential): string {
  return createHash("sha256").update(header).update("\0").update(value).digest("base64");
}

function credential(header: Credential["header"], value: string): Credential {
  if (value.length > maxCredentialLength || !/^[\x20-\x7e]+$/.test(value))
    throw new ProxyFailure("CREDENTIAL_REFUSED");
  return { header, value };
}
