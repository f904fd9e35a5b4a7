import { expect, test } from "vitest";
import { GenerationEngine } from "../../../../services/emulator/engine/generation-engine.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { present } from "../present.ts";

const parameters = { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 };

/** Submits a request and gives the times at which its tokens come out. */
function tokenTimes(
  engine: GenerationEngine,
  clock: VirtualClock,
  promptTokens: number,
  outputTokens: number,
): number[] {
  const times: number[] = [];
  engine.submit({ promptTokens, outputTokens, onToken: () => times.push(clock.nowMs()) });
  return times;
}

test("a prompt beyond the token budget delays the first token by its chunks", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 8, maxBatchedTokens: 1_000 }, clock);
  const times = tokenTimes(engine, clock, 2_500, 2);
  while (clock.step());
  // Chunks 1000, 1000, 500: 3·10 + 0.05·2500 = 155; then 8 + 0.1·1 = 8.1 for the second token.
  expect(times[0]).toBeCloseTo(155, 9);
  expect(times[1]).toBeCloseTo(163.1, 9);
});

test("the time to the first token counts waiting for the iteration in progress", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 8 }, clock);
  tokenTimes(engine, clock, 100, 1);
  // The first prompt takes 10 + 0.05·100 = 15 ms; the second request arrives after 5 of them.
  clock.advanceTo(5);
  const times = tokenTimes(engine, clock, 200, 1);
  while (clock.step());
  // 15 + (10 + 0.05·200)
  expect(times).toEqual([35]);
});

test("a saturated batch has a gap of alpha + beta·n between tokens", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 16, maxWaiting: 100 }, clock);
  const requests = Array.from({ length: 16 }, () => tokenTimes(engine, clock, 4, 400));
  while (clock.step());
  const gaps = requests.flatMap((times) => times.slice(1).map((time, index) => time - present(times[index])));
  expect(gaps).toHaveLength(16 * 399);
  const meanGapMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  // 8 + 0.1·16 = 9.6. The first sequence begins alone and decodes once while the other prompts are read, hence "close".
  expect(meanGapMs).toBeGreaterThan(9.5);
  expect(meanGapMs).toBeLessThan(9.7);
});

test("an aborted request gets no more tokens and gives its place to the next", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 1 }, clock);
  const tokens: string[] = [];
  const first = engine.submit({
    promptTokens: 1,
    outputTokens: 1_000,
    onToken: (index) => tokens.push(`a${index}`),
  });
  engine.submit({ promptTokens: 1, outputTokens: 1, onToken: (index) => tokens.push(`b${index}`) });
  // The beginning, the prompt and one decode iteration.
  for (let call = 0; call < 3; call++) clock.step();
  first?.abort();
  expect([engine.runningCount, engine.waitingCount]).toEqual([1, 1]);
  while (clock.step());
  expect(tokens).toEqual(["a1", "a2", "b1"]);
  expect([engine.runningCount, engine.waitingCount]).toEqual([0, 0]);
});

test("prompts of the same moment are read in the same iteration", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 8 }, clock);
  const [first, second] = [tokenTimes(engine, clock, 100, 1), tokenTimes(engine, clock, 300, 1)];
  while (clock.step());
  // 10 + 0.05·400
  expect([first, second]).toEqual([[30], [30]]);
});

test("a stopped engine leaves no timer", () => {
  const clock = new VirtualClock();
  const engine = new GenerationEngine({ parameters, maxBatchSize: 1 }, clock);
  const times = tokenTimes(engine, clock, 1, 5);
  engine.stop();
  expect(clock.pending).toBe(0);
  expect(times).toEqual([]);
});
