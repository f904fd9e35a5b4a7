import { setTimeout } from "node:timers/promises";
import type { ClusterObjects, ObjectName } from "../cluster-objects.ts";
import { listOf, type Manifest } from "../manifest.ts";
import type { Reasons } from "./readiness.ts";
import { readinessRuleOf } from "./readiness-rules.ts";

const timeoutAnnotation = "pulumi.com/timeoutSeconds";
const defaultTimeoutSeconds = 600;
const firstPauseMillis = 100;
const longestPauseMillis = 1_000;

export interface Patience {
  readonly timeoutSeconds: number;
  /** Ends the waiting at once. */
  readonly signal: AbortSignal;
}

/** How long to wait for an object: by its custom timeouts, else by its annotation, else ten minutes. */
export function timeoutSecondsOf(
  customSeconds: number,
  object: Pick<Manifest, "metadata"> | undefined,
): number {
  if (customSeconds > 0) return customSeconds;
  const annotated = Number(object?.metadata.annotations?.[timeoutAnnotation]);
  return annotated > 0 ? annotated : defaultTimeoutSeconds;
}

/** Waits until an object works. Gives the object as it is then, and what is still wrong with it. */
export async function untilReady(
  cluster: ClusterObjects,
  name: ObjectName,
  patience: Patience,
): Promise<{ readonly object: Manifest | undefined; readonly reasons: Reasons }> {
  let last: { object: Manifest | undefined; reasons: Reasons } = { object: undefined, reasons: [] };
  const timedOut = await poll(patience, async () => {
    const object = await cluster.read(name);
    last = { object, reasons: object ? await readinessRuleOf(object)(object, cluster) : ["it is gone"] };
    return last.reasons.length === 0;
  });
  return { ...last, reasons: timedOut === undefined ? [] : [timedOut, ...last.reasons] };
}

/** Waits until an object is gone. @throws Error where it stays */
export async function untilGone(
  cluster: ClusterObjects,
  name: ObjectName,
  patience: Patience,
): Promise<void> {
  let live: Manifest | undefined;
  let first: string | undefined;
  const timedOut = await poll(patience, async () => {
    live = await cluster.read(name);
    first ??= live?.metadata.uid;
    // Somebody else's object of the same name is not ours to wait for.
    return live === undefined || live.metadata.uid !== first;
  });
  if (timedOut === undefined) return;
  const finalizers = listOf(live, "metadata", "finalizers").map(String);
  const held = finalizers.length > 0 ? `; held by the finalizers ${finalizers.join(", ")}` : "";
  throw new Error(`${name.kind} ${name.name} is not gone: ${timedOut}${held}`);
}

/** Asks again and again, less and less often. Undefined when it holds, else why the waiting ended. */
async function poll(
  { timeoutSeconds, signal }: Patience,
  holds: () => Promise<boolean>,
): Promise<string | undefined> {
  const untilMillis = performance.now() + timeoutSeconds * 1_000;
  let pauseMillis = firstPauseMillis;
  for (;;) {
    if (await holds()) return undefined;
    if (signal.aborted) return "the operation was cancelled";
    if (performance.now() >= untilMillis) return `timed out after ${timeoutSeconds} s`;
    await setTimeout(pauseMillis, undefined, { signal }).catch(() => undefined);
    pauseMillis = Math.min(pauseMillis * 1.5, longestPauseMillis);
  }
}
