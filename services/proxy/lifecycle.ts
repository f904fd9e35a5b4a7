/** What runs, in the order in which it has to be closed: when the proxy is, or when its start fails half-way. */
export class Lifecycle {
  readonly #doors: (() => Promise<void>)[] = [];
  readonly #behind: (() => Promise<void> | void)[] = [];

  /** What lets requests in; all are closed at once, each when its requests have ended. */
  door(close: () => Promise<void>): void {
    this.#doors.push(close);
  }

  /** What requests need; closed after the doors, what was started last first. */
  behind(close: () => Promise<void> | void): void {
    this.#behind.push(close);
  }

  async close(): Promise<void> {
    await Promise.all(this.#doors.map((close) => close()));
    for (const close of this.#behind.toReversed()) await close();
  }
}
