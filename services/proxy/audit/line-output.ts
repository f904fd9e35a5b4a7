import { write, writeSync } from "node:fs";

export interface LineOutputOptions {
  /** File descriptor, which stays open. */
  readonly fd: number;
  /**
   * Longest time that a line is held back, in ms.
   * @default 100: one write for many lines, and next to nothing is lost when the process is killed
   */
  readonly holdMs?: number;
  /**
   * Most characters held, those being written not counted.
   * @default 8 Mi: some 20,000 audit lines, which is seconds of full load with nobody reading
   */
  readonly maxHeldCharacters?: number;
}

/** Held characters from which on a write does not wait for more: what a pipe of Linux takes at once. */
const batchCharacters = 65_536;
/** How long to wait with a pipe that is full and was set not to block, in ms. */
const fullPipeMs = 50;

/**
 * Lines on their way to a file descriptor, written in batches off the main thread, so that nobody who reads slowly
 * holds requests up. What finds no room is dropped and counted, and the next line that is written tells how many were,
 * so that the gap shows where it is. Everything that writes to the descriptor has to go through one output, or a batch
 * that is written in two parts has a foreign line in its middle.
 */
export class LineOutput {
  /** Lines that did not get out: no room for them, or the write failed. */
  dropped = 0;
  readonly #fd: number;
  readonly #holdMs: number;
  readonly #maxHeldCharacters: number;
  #held = "";
  #batch: Buffer | undefined;
  /** Dropped lines that no written line has told of. */
  #untold = 0;
  /** The last write ended within a line. */
  #torn = false;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void) | undefined;
  #closed = false;
  readonly #onExit = (): void => this.#flushSync();

  private constructor({ fd, holdMs = 100, maxHeldCharacters = 8 * 1024 * 1024 }: LineOutputOptions) {
    this.#fd = fd;
    this.#holdMs = holdMs;
    this.#maxHeldCharacters = maxHeldCharacters;
    process.on("exit", this.#onExit);
  }

  static open(options: LineOutputOptions): LineOutput {
    return new LineOutput(options);
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#closed || this.#held.length + line.length > this.#maxHeldCharacters) {
      this.#drop(1);
      return;
    }
    if (this.#untold > 0) this.#tell();
    this.#held += line;
    if (this.#batch) return;
    if (this.#held.length >= batchCharacters) this.#startWrite();
    // The last lines are written at exit; the timer must not put that off.
    else this.#timer ??= setTimeout(() => this.#startWrite(), this.#holdMs).unref();
  }

  /** Resolves when all lines are out, or when the time is up; what is left then is dropped. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    this.#startWrite();
    if (this.#batch) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#closed = true;
    clearTimeout(this.#timer);
    process.off("exit", this.#onExit);
    if (this.#held !== "") this.#drop(linesOf(this.#held));
    this.#held = "";
  }

  #startWrite(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch || this.#held === "") return;
    this.#batch = this.#takeHeld();
    this.#writeRest(this.#batch);
  }

  #takeHeld(): Buffer {
    const batch = Buffer.from(this.#torn ? `\n${this.#held}` : this.#held);
    this.#held = "";
    this.#torn = false;
    return batch;
  }

  #writeRest(rest: Buffer): void {
    write(this.#fd, rest, (error, written) => {
      if (error && isFullPipe(error)) {
        setTimeout(() => this.#writeRest(rest), fullPipeMs);
        return;
      }
      if (error) {
        this.#torn = rest !== this.#batch;
        this.#drop(linesOf(rest.toString()));
      } else if (written < rest.length) {
        this.#writeRest(rest.subarray(written));
        return;
      }
      this.#batch = undefined;
      if (this.#held !== "") this.#startWrite();
      else this.#idle?.();
    });
  }

  /** At exit there is no other thread any more. */
  #flushSync(): void {
    if (this.#held === "") return;
    let rest = this.#takeHeld();
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch {
      this.#drop(linesOf(rest.toString()));
    }
  }

  #drop(lines: number): void {
    this.dropped += lines;
    this.#untold += lines;
  }

  #tell(): void {
    this.#held += `{"type":"dropped","time":"${new Date().toISOString()}","lines":${this.#untold}}\n`;
    this.#untold = 0;
  }
}

function isFullPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === "EAGAIN" || error.code === "EBUSY";
}

function linesOf(text: string): number {
  return text.split("\n").length - 1;
}
