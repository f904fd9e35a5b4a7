import type { ProxyFailure } from "../../proxy-failure.ts";
import { unwatched, type Expiring } from "../connection/deadlines.ts";

/** A request that waits for its model, until its own deadline. */
export class ModelWaiter implements Expiring {
  expiresAtMs: number;
  watchPlace = unwatched;
  readonly granted: Promise<void>;
  #grant = (): void => {};
  #refuse: (failure: ProxyFailure) => void = () => {};
  readonly #late: (waiter: ModelWaiter) => ProxyFailure;

  /** @param late is told that the time has passed, and says how the request fails. */
  constructor(deadlineMs: number, late: (waiter: ModelWaiter) => ProxyFailure) {
    this.expiresAtMs = deadlineMs;
    this.#late = late;
    this.granted = new Promise((resolve, reject) => {
      this.#grant = resolve;
      this.#refuse = reject;
    });
  }

  grant(): void {
    this.#grant();
  }

  refuse(failure: ProxyFailure): void {
    this.#refuse(failure);
  }

  expire(): void {
    this.#refuse(this.#late(this));
  }
}
