import { certain } from "../../../optimizer/certain.ts";
import {
  ContinuousBatch,
  type ContinuousBatchSettings,
} from "../../../optimizer/simulation/continuous-batching.ts";
import type { MeasuredPoint } from "../../../optimizer/profiles/measured-point.ts";

export interface ClosedLoop {
  /** Requests in flight: the next one is sent when one ends, as AIPerf's `--concurrency` does. */
  readonly concurrency: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly outputDistribution: "geometric" | "fixed";
  readonly requests: number;
}

/** What a benchmark client at a fixed concurrency measures on the simulated engine. */
export function closedLoop(settings: ContinuousBatchSettings, load: ClosedLoop): MeasuredPoint {
  const engine = new ContinuousBatch(settings);
  const draw = outputLengths(load);
  const open = new Map<number, { sentMs: number; firstMs: number; tokens: number }>();
  let nowMs = 0;
  let sent = 0;
  const send = () => {
    const tokens = draw();
    open.set(sent, { sentMs: nowMs, firstMs: Number.NaN, tokens });
    engine.enqueue({ id: sent, promptTokens: load.inputTokens, outputTokens: tokens });
    sent++;
  };
  while (sent < load.concurrency) send();

  let ended = 0;
  let ttftMs = 0;
  let itlMs = 0;
  let itlRequests = 0;
  let outputTokens = 0;
  // The first requests arrive all at once, which is not what is measured.
  const warmUp = 5 * load.concurrency;
  for (let left = 0; left < load.requests + warmUp;) {
    const iteration = engine.begin();
    if (!iteration) break;
    nowMs += iteration.durationMillis;
    for (const { sequence, index, last } of engine.end()) {
      const request = certain(open.get(sequence));
      if (index === 1) request.firstMs = nowMs;
      if (!last) continue;
      open.delete(sequence);
      left++;
      if (left > warmUp) {
        ended++;
        ttftMs += request.firstMs - request.sentMs;
        outputTokens += request.tokens;
        if (request.tokens > 1) {
          itlMs += (nowMs - request.firstMs) / (request.tokens - 1);
          itlRequests++;
        }
      }
      send();
    }
  }
  return {
    batch: load.concurrency,
    inputTokens: load.inputTokens,
    outputTokens: outputTokens / ended,
    ttftMs: ttftMs / ended,
    itlMs: itlMs / itlRequests,
  };
}

/** The same sequence at every call: a linear congruential generator is random enough for lengths. */
function outputLengths({ outputDistribution, outputTokens }: ClosedLoop): () => number {
  if (outputDistribution === "fixed") return () => outputTokens;
  let state = 12_345;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const uniform = (state + 0.5) / 2 ** 31;
    return 1 + Math.floor(Math.log(uniform) / Math.log(1 - 1 / outputTokens));
  };
}
