import { mkdir, open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

export type Operation = "check" | "diff" | "create" | "read" | "update" | "delete" | "invoke";

/** An operation that a test wants to go wrong. Without `hang` and `delayMillis` it fails at once. */
export interface PlannedFailure {
  /** Such as `aws:iam/role:Role`; `*` for every type; of an invoke its token. */
  readonly type: string;
  /** Name of the resource in the program. Default: every one of the type. */
  readonly name?: string;
  readonly operation: Operation;
  /** How many operations it strikes. Default: 1. */
  readonly times?: number;
  /** What the provider says. Given with `delayMillis`, the operation fails after the delay; without, it is only late. */
  readonly message?: string;
  readonly delayMillis?: number;
  /** Never answers: the engine waits until somebody ends one of the two. */
  readonly hang?: true;
  /** The cloud does what it was asked before that: the answer alone is lost. Default: nothing is done. */
  readonly after?: true;
}

/** Environment variable with the folder in which the stand-ins keep their resources and find their failures. */
export const stateFolderVariable = "DOMINO_INFERENCE_STANDIN_STATE";

const planFile = "failures.json";
const claimsFolder = "failures.claimed";

/** Plans failures for the operations that come; takes the place of what was planned before. */
export async function planFailures(folder: string, failures: readonly PlannedFailure[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `${planFile}.${process.pid}`);
  await writeFile(draft, JSON.stringify(failures, undefined, 2));
  await rename(draft, join(folder, planFile));
}

/** How many operations were struck since the folder was made. */
export async function countStrikes(folder: string): Promise<number> {
  return (await readdir(join(folder, claimsFolder)).catch(() => [])).length;
}

/**
 * Reads the plan at every operation. Each strike is claimed by creating a file that must not exist, so that plugins that
 * run side by side, or that were killed, count together; a new plan has claims of its own.
 */
export class FailurePlan {
  readonly #folder: string | undefined;

  /** Without a folder nothing is planned. */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Runs an operation, unless it is one that was planned to fail. */
  async around<Result>(
    operation: Operation,
    { type, name }: { readonly type: string; readonly name?: string },
    act: () => Promise<Result>,
  ): Promise<Result> {
    const failure = await this.#claim(
      (planned) =>
        planned.operation === operation &&
        (planned.type === "*" || planned.type === type) &&
        (planned.name === undefined || planned.name === name),
    );
    if (!failure) return act();
    const { message, delayMillis, hang, after } = failure;
    const done = after === true ? { result: await act() } : undefined;
    if (hang === true) return new Promise<never>(() => undefined);
    if (delayMillis !== undefined) await setTimeout(delayMillis);
    if (message !== undefined || delayMillis === undefined) {
      throw new Error(message ?? `${operation} of ${type} was planned to fail`);
    }
    return done ? done.result : act();
  }

  async #claim(matches: (failure: PlannedFailure) => boolean): Promise<PlannedFailure | undefined> {
    if (this.#folder === undefined) return undefined;
    const file = join(this.#folder, planFile);
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    if (!found) return undefined;
    const failures = JSON.parse(await readFile(file, "utf8")) as readonly PlannedFailure[];
    for (const [index, failure] of failures.entries()) {
      if (!matches(failure)) continue;
      const claims = join(this.#folder, claimsFolder);
      await mkdir(claims, { recursive: true });
      for (let time = 1; time <= (failure.times ?? 1); time++) {
        const claim = join(claims, `${found.ino}-${found.mtimeNs}-${index}-${time}`);
        if (await createdAnew(claim)) return failure;
      }
    }
    return undefined;
  }
}

async function createdAnew(file: string): Promise<boolean> {
  try {
    await (await open(file, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
