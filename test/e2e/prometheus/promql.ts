import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { locateTool } from "../../toolchain/locate-tool.ts";
import type { Need } from "../requires.ts";

/** An entry of an instant vector. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus' own engine, without a server. */
export function promqlNeed(): Need {
  const located = locateTool("promql");
  return {
    name: "Prometheus' engine",
    ...(located.kind === "missing" ? { missing: located.reason } : {}),
  };
}

/**
 * What a query answers over made-up series.
 *
 * @param series lines of a series and its values every 15 s, in the notation of Prometheus' rule tests
 * @param atMinutes after the first sample
 */
export async function answerOf(
  query: string,
  series: readonly string[],
  atMinutes: number,
): Promise<readonly Sample[]> {
  const located = locateTool("promql");
  if (located.kind === "missing") throw new Error(located.reason);
  const child = spawn(located.path, { stdio: ["pipe", "pipe", "pipe"] });
  const load = ["load 15s", ...series.map((line) => `  ${line}`), ""].join("\n");
  child.stdin.end(JSON.stringify({ load, atSeconds: atMinutes * 60, queries: [query] }));
  const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (complaint !== "") throw new Error(complaint);
  const [answer] = JSON.parse(said) as [{ samples: readonly Sample[] | null; error?: string }];
  if (answer.error !== undefined) throw new Error(`${answer.error} in ${query}`);
  return answer.samples ?? [];
}
