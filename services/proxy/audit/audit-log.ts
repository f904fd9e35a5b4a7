import { auditLine, type AuditEntry } from "./audit-line.ts";

/** Where audit lines go, such as a `LineOutput`. */
export interface AuditDestination {
  write(line: string): void;
}

/** One line for every ended request: who asked which model, when, and what came of it. */
export class AuditLog {
  readonly #destination: AuditDestination;
  /** The time in whole seconds, and how that is written: most requests end in the second of the one before. */
  #second = -1;
  #secondText = "";

  private constructor(destination: AuditDestination) {
    this.#destination = destination;
  }

  static open(destination: AuditDestination): AuditLog {
    return new AuditLog(destination);
  }

  /** @param endedAtMs since the epoch */
  record(entry: AuditEntry, endedAtMs: number = Date.now()): void {
    this.#destination.write(auditLine(entry, this.#timeText(endedAtMs)));
  }

  #timeText(atMs: number): string {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1_000).toISOString().slice(0, -4);
    }
    const ms = Math.floor(atMs - second * 1_000);
    return `${this.#secondText}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
  }
}
