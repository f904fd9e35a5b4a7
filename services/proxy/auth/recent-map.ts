/**
 * A map of at most `capacity` entries that forgets what was not used for long: the half of them that was used last is
 * always there. It keeps two generations instead of an order of use, because V8 takes tens of microseconds to move an
 * entry to the end of a map of thousands (`delete` and `set`).
 */
export class RecentMap<V> {
  readonly #generation: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(capacity: number) {
    this.#generation = Math.max(1, Math.floor(capacity / 2));
  }

  /** How many entries are held; one that was used in both generations counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The value, which counts as used. */
  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** Whether there is a value, without counting it as used. */
  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#generation && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
