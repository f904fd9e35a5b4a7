/**
 * Hashes of 32 bits for spreading requests: fast, the same in every proxy and of no use against forgery. Whoever picks
 * keys that collide gets them to one replica, which the bound on its load allows for.
 */

/** Hash of a text, by its UTF-16 units. */
export function hashText(text: string, seed = 0): number {
  let hash = seed ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return scatter(hash ^ text.length);
}

/** Hash of two hashes; their order matters. */
export function hashPair(left: number, right: number): number {
  return scatter(Math.imul(left, 0x9e3779b1) ^ scatter(right));
}

/**
 * Takes four bytes at a time into a running hash; `from` to `to` must be a multiple of four. `scatter` it before use:
 * until then its low bits hardly depend on the last bytes.
 */
export function hashOn(hash: number, bytes: Uint8Array, from: number, to: number): number {
  let running = hash;
  for (let at = from; at < to; at += 4) {
    const word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16);
    const mixed = Math.imul(word | (byte(bytes, at + 3) << 24), 0xcc9e2d51);
    running ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    running = (Math.imul((running << 13) | (running >>> 19), 5) + 0xe6546b64) | 0;
  }
  return running;
}

/** Spreads every bit over the whole word; different hashes stay different. */
export function scatter(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
