import { setTimeout } from "node:timers/promises";
import { ApiRefusal } from "../cluster/cluster-api.ts";

const pollMillis = 200;

/** Repeats what a controller does until it is stopped. Its failure is told by `stop`. */
export class ControllerLoop {
  #isRunning = true;
  readonly #ended: Promise<void>;

  constructor(reconcile: () => Promise<void>) {
    this.#ended = this.#run(reconcile);
    // Told by `stop`; until then it is no unhandled rejection.
    this.#ended.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#ended;
  }

  async #run(reconcile: () => Promise<void>): Promise<void> {
    while (this.#isRunning) {
      await reconcile().catch(unlessRefused);
      await setTimeout(pollMillis);
    }
  }
}

/** What the API server refuses now it may take at the next attempt: an object was gone, or changed by another. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof ApiRefusal)) throw error;
}
