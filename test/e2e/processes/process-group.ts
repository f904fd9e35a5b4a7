import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { markerVariable } from "./supervisor-messages.ts";

/** Time in ms that a killed process may take to disappear; longer than that it hangs in the kernel. */
const killWithinMillis = 5_000;
const pollMillis = 20;

/** Everything that one supervised process started: its process group, and who left the group. */
export class ProcessGroup {
  readonly #groupId: number;
  readonly #marker: Buffer;

  /** @param marker value of the marker variable in the environment of the group's first process */
  constructor(groupId: number, marker: string) {
    this.#groupId = groupId;
    this.#marker = Buffer.from(`${markerVariable}=${marker}`);
  }

  /** Asks all to end, and ends after the grace period, in ms, those that have not. Resolves when none is left. */
  async end(graceMillis: number): Promise<void> {
    if (!this.#signal("SIGTERM")) return;
    if (await this.#gone(graceMillis)) return;
    this.#signal("SIGKILL");
    await this.#gone(killWithinMillis);
  }

  /** Ids of the living processes, most of them in the group, some in sessions of their own. */
  members(): readonly number[] {
    return processIds().filter((pid) => this.#owns(pid));
  }

  /** False where there is nobody left to signal. */
  #signal(signal: NodeJS.Signals): boolean {
    const members = this.members();
    for (const pid of members) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended in between.
      }
    }
    return members.length > 0;
  }

  async #gone(withinMillis: number): Promise<boolean> {
    const deadlineMillis = performance.now() + withinMillis;
    while (this.members().length > 0) {
      if (performance.now() > deadlineMillis) return false;
      await delay(pollMillis);
    }
    return true;
  }

  #owns(pid: number): boolean {
    try {
      // After the command in parentheses, which may hold anything: state, parent, group.
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z" || state === "X") return false;
      if (Number(group) === this.#groupId) return true;
      const environment = readFileSync(`/proc/${pid}/environ`);
      const at = environment.indexOf(this.#marker);
      return at === 0 || (at > 0 && environment[at - 1] === 0);
    } catch {
      // It ended in between, or belongs to another user.
      return false;
    }
  }
}

function processIds(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}
