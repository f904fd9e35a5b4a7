import { firstWithinBound, loadBound, type AffinityEndpoint } from "./bounded-load.ts";
import { hashText } from "./hash.ts";

/**
 * Index of the endpoint that serves a session, -1 where none is usable: the first in the rendezvous order of the header's
 * value that is usable and not loaded beyond the bound. Nothing is remembered, so every proxy sends a session to the
 * same endpoint, and it returns there when the endpoint has recovered.
 *
 * @param modelHash `hashText` of the model's name, so that a value does not meet the same replica in every model
 */
export function sessionEndpoint(
  endpoints: readonly AffinityEndpoint[],
  modelHash: number,
  session: string,
): number {
  return firstWithinBound(endpoints, hashText(session, modelHash), loadBound(endpoints));
}
