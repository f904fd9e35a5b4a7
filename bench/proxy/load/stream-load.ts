import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { lastEvent, readStream, tokenEvent, type StreamEngine } from "./token-stream.ts";

export interface StreamTimes {
  /** From the request to the first token, one a stream. */
  readonly firstTokenMs: readonly number[];
  /** From the engine's write to the client's read, one a token. */
  readonly tokenMs: readonly number[];
}

const tokensPerStream = 40;
/** About the pace of a busy engine. */
export const tokenIntervalMs = 25;

/** Keeps so many streams open, each followed by the next one. The engine writes the first token at once. */
export async function runStreams(
  url: string,
  engine: StreamEngine,
  streams: number,
  seconds: number,
): Promise<StreamTimes> {
  const firstTokenMs: number[] = [];
  const tokenMs: number[] = [];
  engine.onStream = (response) => {
    let written = 0;
    const write = (): void => {
      response.write(tokenEvent(String(performance.now())));
      if (++written < tokensPerStream) return;
      clearInterval(timer);
      response.end(lastEvent);
    };
    const timer = setInterval(write, tokenIntervalMs);
    response.on("close", () => clearInterval(timer));
    write();
  };
  // Of this run alone: servers close what waits for the next one.
  const agent = new Agent({ keepAlive: true });
  const endMs = performance.now() + seconds * 1000;
  const streamMs = tokensPerStream * tokenIntervalMs;
  await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      // Spread over the length of a stream: all at once would be a burst that no engine sees.
      await delay((index / streams) * streamMs);
      while (performance.now() < endMs) {
        const askedMs = performance.now();
        let first = true;
        await readStream(url, agent, (mark) => {
          const nowMs = performance.now();
          if (first) firstTokenMs.push(nowMs - askedMs);
          first = false;
          tokenMs.push(nowMs - Number(mark));
        });
      }
    }),
  );
  agent.destroy();
  return { firstTokenMs, tokenMs };
}

/** A token that has not come after this time, in ms, is held back: nothing else is sent meanwhile. */
const heldBackMs = 5_000;

/**
 * Streams whose engine writes a token only when the client has read the one before: a proxy that waits for more
 * bytes, however few, never gets them. Gives how many tokens came.
 *
 * @throws Error where one is held back
 */
export async function runLockstep(
  url: string,
  engine: StreamEngine,
  streams: number,
  tokens: number,
): Promise<number> {
  const waiting = new Map<string, () => void>();
  let opened = 0;
  engine.onStream = (response) => {
    const stream = opened++;
    let written = 0;
    const write = (): void => {
      if (written === tokens) return void response.end(lastEvent);
      const mark = `${stream}/${written++}`;
      waiting.set(mark, write);
      response.write(tokenEvent(mark));
    };
    write();
  };
  let came = 0;
  const onMark = (mark: string): void => {
    came++;
    const next = waiting.get(mark);
    waiting.delete(mark);
    next?.();
  };
  const agent = new Agent();
  const reading = Array.from({ length: streams }, () => readStream(url, agent, onMark));
  const all = Promise.all(reading).then(() => true);
  for (let before = -1; !(await Promise.race([all, delay(heldBackMs, false)])); before = came) {
    if (came === before) throw new Error(`${waiting.size} tokens were held back after ${came} came`);
  }
  return came;
}
