import { ProxyFailure } from "../../../../../services/proxy/proxy-failure.ts";
import type { EngineRepository } from "../../../../../services/proxy/upstream/loading/engine-repository.ts";

/** How a question ends. `cut-before` and `cut-after`: its connection breaks, before or after it was done. */
export type Outcome = "done" | "refused" | "cut-before" | "cut-after";

export interface Question {
  readonly kind: "load" | "unload" | "loaded";
  readonly model: string;
  answer(outcome: Outcome): void;
}

/** An engine whose questions end when and how the test says. */
export class FakeRepository implements EngineRepository {
  /** Models in the engine's memory. */
  readonly present = new Set<string>();
  /** Asked and not answered, the oldest first. */
  readonly open: Question[] = [];
  /** All questions so far, such as "load a". */
  readonly asked: string[] = [];

  load(model: string): Promise<void> {
    return this.#ask("load", model, new ProxyFailure("MODEL_LOAD_FAILED"), () => {
      this.present.add(model);
    });
  }

  unload(model: string): Promise<boolean> {
    return this.#ask("unload", model, false, () => {
      this.present.delete(model);
      return true;
    });
  }

  loaded(): Promise<ReadonlySet<string>> {
    return this.#ask("loaded", "", new ProxyFailure("ENGINE_ANSWER_INVALID"), () => new Set(this.present));
  }

  isReady(model: string): Promise<boolean> {
    return Promise.resolve(this.present.has(model));
  }

  /** Ends the process and starts it again. */
  restart(): void {
    this.present.clear();
    for (const question of this.open.splice(0)) question.answer("cut-before");
  }

  /** @param refusal what the question is answered with where the engine refuses: a failure, or a reply of its own. */
  #ask<Reply>(
    kind: Question["kind"],
    model: string,
    refusal: ProxyFailure | Reply,
    done: () => Reply,
  ): Promise<Reply> {
    this.asked.push(`${kind} ${model}`.trim());
    return new Promise((resolve, reject) => {
      const answer = (outcome: Outcome): void => {
        const place = this.open.indexOf(question);
        if (place >= 0) this.open.splice(place, 1);
        if (outcome === "done") resolve(done());
        else if (outcome === "refused") {
          if (refusal instanceof ProxyFailure) reject(refusal);
          else resolve(refusal);
        } else {
          if (outcome === "cut-after") done();
          reject(new ProxyFailure("ENGINE_UNREACHABLE"));
        }
      };
      const question: Question = { kind, model, answer };
      this.open.push(question);
    });
  }
}
