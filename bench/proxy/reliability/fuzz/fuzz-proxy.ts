import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { bodyCases } from "./body-cases.ts";
import { framingCases } from "./framing-cases.ts";
import type { CaseMaker, FuzzCase } from "./fuzz-case.ts";
import { envelopeOf, wire } from "./http-bytes.ts";
import type { Recorded, RecordingEngine } from "./recording-engine.ts";
import { damagedMark, requestCases } from "./request-cases.ts";
import { runCase, type CaseResult } from "./run-case.ts";

export interface FuzzOptions {
  readonly port: number;
  readonly engine: RecordingEngine;
  readonly seed: number;
  /** Numbers of the first case and of the one after the last. */
  readonly from?: number;
  readonly cases: number;
}

export interface FuzzReport {
  /** How many cases there were of each kind, and how many of them an engine saw. */
  readonly kinds: Readonly<Record<string, { cases: number; reached: number }>>;
  /** Answers of the proxy by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Every broken promise, with the bytes that broke it; the first are enough to tell. */
  readonly failures: readonly string[];
}

const makers = [...bodyCases, ...framingCases, ...requestCases];
const totalWeight = makers.reduce((total, [weight]) => total + weight, 0);

/** Connections at once: several cases meet in the proxy, and one's bytes could end up in another's. */
const clients = 16;
/** After so many cases a client checks that ordinary requests are still answered. */
const checkEvery = 50;
const mostFailures = 20;

/** Case `index` of a seed: the same bytes at every run. */
export function fuzzCase(seed: number, index: number): FuzzCase {
  const random = seededRandom(seed, `case ${index}`);
  let left = random() * totalWeight;
  const chosen = makers.find(([weight]) => (left -= weight) < 0) ?? makers[0];
  const make = chosen?.[1] as CaseMaker;
  return make(random, `case-${index}`);
}

/** Runs the cases and says which promises the proxy broke. */
export async function fuzzProxy({ port, engine, seed, from = 0, cases }: FuzzOptions): Promise<FuzzReport> {
  const kinds: Record<string, { cases: number; reached: number }> = {};
  const statuses: Record<number, number> = {};
  const failures: string[] = [];
  let next = from;
  const client = async (): Promise<void> => {
    while (next < from + cases && failures.length < mostFailures) {
      const index = next++;
      const fuzzed = fuzzCase(seed, index);
      const result = await runCase(port, fuzzed);
      // An abandoned request may still be on its way to the engine.
      if (fuzzed.abandons) await new Promise((resolve) => setTimeout(resolve, 20));
      for (const { status } of result.answers) statuses[status] = (statuses[status] ?? 0) + 1;
      const problem = problemOf(`case-${index}`, fuzzed, result, engine) ?? engine.complaints.shift();
      const kind = (kinds[fuzzed.kind] ??= { cases: 0, reached: 0 });
      kind.cases++;
      if ([...fuzzed.reaching.keys()].some((id) => engine.recorded.has(id))) kind.reached++;
      for (const id of fuzzed.reaching.keys()) engine.recorded.delete(id);
      if (problem !== undefined) failures.push(describe(seed, index, fuzzed, result, problem));
      if (index % checkEvery === 0 && !(await answersOrdinary(port, index, engine))) {
        failures.push(`seed ${seed}, case ${index}: an ordinary request is not answered after it`);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  for (const [id, seen] of engine.recorded) {
    if (!mayComeLate(seed, id, seen)) {
      failures.push(`seed ${seed}: the engine was asked by "${id}", which no case may`);
    }
  }
  return { kinds, statuses, failures };
}

/** What an engine may be asked when its case is over: for a client that has gone, or by a request that lost its id. */
function mayComeLate(seed: number, id: string, seen: readonly Recorded[]): boolean {
  return seen.every(({ body }) => {
    const text = body.toString("latin1");
    if (text.includes(damagedMark)) return true;
    const index = /case-(\d+)/.exec(`${id} ${text}`)?.[1];
    return index !== undefined && fuzzCase(seed, Number(index)).expected === "either";
  });
}

function problemOf(
  id: string,
  fuzzed: FuzzCase,
  result: CaseResult,
  engine: RecordingEngine,
): string | undefined {
  const { answers, rest } = result;
  const own = answers.find(({ status }) => status >= 500);
  if (own) return `answered ${own.status}: ${own.body}`;
  if (rest !== "" && !fuzzed.abandons)
    return `answered with what is not HTTP: ${JSON.stringify(rest.slice(0, 200))}`;
  if (engine.recorded.has("smuggled")) return "a request within a body reached the engine";
  for (const [one, body] of fuzzed.reaching) {
    const seen = engine.recorded.get(one) ?? [];
    if (seen.length > 1 && body !== undefined) return `the engine was asked ${seen.length} times`;
    if (body !== undefined && seen[0] && !seen[0].body.equals(body)) return "the engine got other bytes";
    if (fuzzed.expected === "accepted" && seen.length === 0) return "no engine was asked";
  }
  const answered = answers.filter(({ status }) => status < 300);
  if (fuzzed.expected === "refused" && answered.length > 0) return "accepted";
  // A damaged request of another case may have this one's id by then.
  const asked = engine.recorded.get(id)?.some(({ body }) => !body.includes(damagedMark)) ?? false;
  if (fuzzed.reaching.size === 0 && asked) return "refused, and the engine was asked all the same";
  if (fuzzed.expected === "accepted" && answered.length !== fuzzed.reaching.size) return "not accepted";
  const reached = [...fuzzed.reaching.keys()].filter((id) => engine.recorded.has(id)).length;
  // What is no HTTP behind a request ends the connection at once, with an answer of Node.js that has no body.
  const brokenOff = answers.some(({ status, body }) => status === 400 && body === "");
  const hearsAll = !fuzzed.abandons && !result.waitedInVain && !brokenOff;
  if (hearsAll && answered.length < reached) return "refused, and the engine was asked all the same";
  return strangerOf(fuzzed, answered);
}

/** Answers come in the order of the requests and to those who asked. */
function strangerOf(fuzzed: FuzzCase, answered: CaseResult["answers"]): string | undefined {
  const ids = [...fuzzed.reaching.keys()];
  const got = answered.map(({ body }) => /"answers":"([^"]*)"/.exec(body)?.[1]);
  const wrong = got.find((id, index) => id !== ids[index] && !fuzzed.kind.startsWith("damaged"));
  return wrong === undefined ? undefined : `got the answer of ${wrong}`;
}

async function answersOrdinary(port: number, index: number, engine: RecordingEngine): Promise<boolean> {
  const id = `ordinary-${index}`;
  const { answers } = await runCase(port, {
    kind: "ordinary",
    writes: [wire(id, { body: envelopeOf("{}") })],
    expected: "accepted",
    reaching: new Map(),
  });
  return engine.recorded.delete(id) && answers[0]?.status === 200;
}

function describe(
  seed: number,
  index: number,
  { kind, writes, expected }: FuzzCase,
  { answers, waitedInVain }: CaseResult,
  problem: string,
): string {
  const sent = writes.map((write) => JSON.stringify(write.toString("latin1").slice(0, 2_000)));
  return [
    `seed ${seed}, case ${index} (${kind}, expected ${expected}): ${problem}`,
    `answers: ${answers.map(({ status }) => status).join(", ") || "none"}${waitedInVain ? ", left waiting" : ""}`,
    `sent: ${sent.slice(0, 8).join(" + ")}`,
  ].join("\n  ");
}
