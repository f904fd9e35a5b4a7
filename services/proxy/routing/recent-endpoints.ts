/** Entries that compete for a place: as good as exact recency within a few per cent, without links to keep. */
const ways = 8;

/**
 * The endpoint that last served each key, for as many keys as there are places; the one longest not used gives way.
 * Keys and endpoints are hashes of 32 bits in typed arrays, 16 bytes an entry that nothing has to collect. Two keys of
 * the same hash share an entry.
 */
export class RecentEndpoints {
  readonly #keys: Uint32Array;
  readonly #endpoints: Uint32Array;
  /** When each entry was last used, on a clock that counts uses; 0 marks a free place. */
  readonly #usedAt: Float64Array;
  readonly #setMask: number;
  #uses = 0;

  /** @param capacity a power of two from 8 on */
  constructor(capacity: number) {
    this.#keys = new Uint32Array(capacity);
    this.#endpoints = new Uint32Array(capacity);
    this.#usedAt = new Float64Array(capacity);
    this.#setMask = capacity / ways - 1;
  }

  get(key: number): number | undefined {
    const place = this.#find(key);
    if (place === -1) return undefined;
    this.#usedAt[place] = ++this.#uses;
    return this.#endpoints[place];
  }

  set(key: number, endpoint: number): void {
    let place = this.#find(key);
    if (place === -1) place = this.#oldest(key);
    this.#keys[place] = key;
    this.#endpoints[place] = endpoint;
    this.#usedAt[place] = ++this.#uses;
  }

  #find(key: number): number {
    const first = (key & this.#setMask) * ways;
    for (let place = first; place < first + ways; place++) {
      if (this.#keys[place] === key && this.#usedAt[place] !== 0) return place;
    }
    return -1;
  }

  #oldest(key: number): number {
    const first = (key & this.#setMask) * ways;
    let oldest = first;
    for (let place = first + 1; place < first + ways; place++) {
      if ((this.#usedAt[place] ?? 0) < (this.#usedAt[oldest] ?? 0)) oldest = place;
    }
    return oldest;
  }
}
