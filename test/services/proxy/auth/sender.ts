import type { Sender } from "../../../../services/proxy/auth/authenticator.ts";

/** A request with these headers, over a connection that is not known. */
export function senderOf(headers: Readonly<Record<string, string>>): Sender {
  return { header: (name) => headers[name], socket: undefined };
}
