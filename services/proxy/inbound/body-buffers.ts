/** Smallest and largest buffer that is kept, in bytes; between them each is twice the one before. */
const leastBytes = 4 * 1024;
const mostBytes = 4 * 1024 * 1024;

/** The free buffers of one size. */
interface Shelf {
  readonly bytes: number;
  /** The one used last is used next: it is in the caches of the processor. */
  readonly free: Buffer[];
  /** The least number of free ones since the last look: so many were not needed. */
  leastFree: number;
}

/**
 * Memory for request bodies, used again and again. Memory from outside of V8's heap that is allocated for each request
 * makes it collect the whole heap, again and again.
 */
export class BodyBuffers {
  readonly #maxFreeBytes: number;
  readonly #shelves: readonly Shelf[];
  #freeBytes = 0;

  /** @param maxFreeBytes what is kept besides of what is in use, at most */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
    const shelves: Shelf[] = [];
    for (let bytes = leastBytes; bytes <= mostBytes; bytes *= 2)
      shelves.push({ bytes, free: [], leastFree: 0 });
    this.#shelves = shelves;
  }

  /** A buffer of at least so many bytes, whatever they hold. */
  take(bytes: number): Buffer {
    const shelf = this.#shelves[shelfIndex(bytes)];
    if (!shelf) return Buffer.allocUnsafeSlow(bytes);
    const buffer = shelf.free.pop();
    if (!buffer) return Buffer.allocUnsafeSlow(shelf.bytes);
    this.#freeBytes -= shelf.bytes;
    if (shelf.free.length < shelf.leastFree) shelf.leastFree = shelf.free.length;
    return buffer;
  }

  /** Takes a buffer back: nobody may read or write it any more. */
  give(buffer: Buffer): void {
    const shelf = this.#shelves[shelfIndex(buffer.length)];
    if (shelf?.bytes !== buffer.length || this.#freeBytes + buffer.length > this.#maxFreeBytes) return;
    this.#freeBytes += buffer.length;
    shelf.free.push(buffer);
  }

  /** Lets go of what nobody needed since the last call. */
  trim(): void {
    for (const shelf of this.#shelves) {
      // The ones at the front were used the longest ago.
      this.#freeBytes -= shelf.free.splice(0, shelf.leastFree).length * shelf.bytes;
      shelf.leastFree = shelf.free.length;
    }
  }
}

/** Place of the smallest size that holds so many bytes. */
function shelfIndex(bytes: number): number {
  return bytes <= leastBytes ? 0 : 32 - Math.clz32((bytes - 1) >>> 12);
}
