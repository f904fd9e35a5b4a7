import { runWrk, type RepeatedRequest } from "./load/wrk.ts";
import type { MeasuredServer } from "./servers/measured-server.ts";
import { median } from "./statistics.ts";

/** How long and how often everything is measured. */
export interface Effort {
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
}

export interface Capacity {
  readonly server: string;
  /** Requests per CPU second in each round, in order. */
  readonly perCpuSecond: readonly number[];
  /** Requests per second of wall time in each round. */
  readonly perSecond: readonly number[];
}

/** A server and what it is asked. */
export interface Contender {
  readonly server: MeasuredServer;
  readonly request: RepeatedRequest;
}

/**
 * Loads servers in turn, again and again: what else happens on the machine meets all of them. The first measurement of
 * each warms it up and does not count.
 */
export async function measureCapacity(
  contenders: readonly Contender[],
  { rounds, seconds }: Effort,
): Promise<readonly Capacity[]> {
  const results = contenders.map(({ server }) => ({
    server: server.name,
    perCpuSecond: [] as number[],
    perSecond: [] as number[],
  }));
  for (let round = -1; round < rounds; round++) {
    // Backwards every second time: nobody is always measured after the same other one.
    const order = [...contenders.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      const contender = contenders[index];
      const result = results[index];
      if (contender === undefined || result === undefined) continue;
      const { server, request } = contender;
      const before = server.cpuSeconds();
      const { requests, seconds: took } = await runWrk(server.url, request, seconds);
      const cpuSeconds = server.cpuSeconds() - before;
      if (round < 0) continue;
      result.perCpuSecond.push(requests / cpuSeconds);
      result.perSecond.push(requests / took);
    }
  }
  return results;
}

/** The median over the rounds of what one does as a multiple of the other in the same round. */
export function ratioOf(one: Capacity | undefined, other: Capacity | undefined): number {
  return median(
    (one?.perCpuSecond ?? []).map((value, round) => value / (other?.perCpuSecond[round] ?? Number.NaN)),
  );
}
