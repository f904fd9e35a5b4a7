import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { containerFlags } from "../../servers/proxy.ts";
import { Chaos, writeRoutes, type ChaosReport } from "./chaos.ts";
import { SoakClient } from "./soak-client.ts";
import { SoakResults, type KindResults } from "./soak-results.ts";
import { SoakedEngine } from "./soaked-engine.ts";
import { soakRequest, type RequestKind } from "./traffic.ts";

export interface SoakOptions {
  /** At least; the clients go on until every step has been made. */
  readonly requests: number;
  /** Reloads of the routing table, each with a change of what the engines do. */
  readonly steps: number;
  readonly seed: number;
}

export interface SoakReport extends ChaosReport {
  readonly kinds: Readonly<Record<RequestKind, KindResults>>;
  readonly examples: readonly string[];
  /** Lost and wrong answers. */
  readonly broken: number;
  /** Requests that the engines had read and not answered as they were killed. */
  readonly unansweredAtKill: number;
  /** By the proxy's own count. */
  readonly retries: number;
  readonly seconds: number;
  readonly proxyResidentMiB: number;
}

const clients = 48;
const engineCount = 6;
/** So long after a kill the proxy may still take a connection that is broken already, on a busy machine. */
const noticedWithinMs = 1_000;

/** Loads a proxy in a process of its own while its engines die, drain and come back. */
export async function runSoak({ requests, steps, seed }: SoakOptions): Promise<SoakReport> {
  const engines = Array.from({ length: engineCount }, () => new SoakedEngine());
  const folder = await mkdtemp(join(tmpdir(), "proxy-soak-"));
  const routesFile = join(folder, "routes.json");
  await Promise.all(engines.map((engine) => engine.start()));
  await writeRoutes(routesFile, engines);
  const proxy = fork(fileURLToPath(new URL("./soaked-proxy.ts", import.meta.url)), [routesFile], {
    execArgv: [...containerFlags()],
  });
  const died = new Promise<never>((_resolve, reject) => {
    proxy.once("exit", (code, signal) => reject(new Error(`the proxy ended with ${code ?? signal}`)));
  });
  died.catch(() => undefined);
  try {
    const { port = 0 } = await Promise.race([messageOf<{ port: number }>(proxy), died]);
    const url = `http://127.0.0.1:${port}`;
    const chaos = new Chaos(engines, routesFile, url);
    const startedMs = performance.now();
    const results = await Promise.race([load({ requests, steps, seed }, port, engines, chaos), died]);
    const seconds = (performance.now() - startedMs) / 1000;
    const metrics = await (await fetch(`${url}/metrics`)).text();
    proxy.send("resident memory");
    const { residentMiB = 0 } = await messageOf<{ residentMiB: number }>(proxy);
    return {
      ...chaos.report,
      kinds: results.kinds,
      examples: results.examples,
      broken: results.broken,
      unansweredAtKill: engines.reduce((total, engine) => total + engine.unansweredAtKill, 0),
      retries: sumOf(metrics, "inference_retries_total"),
      seconds,
      proxyResidentMiB: residentMiB,
    };
  } finally {
    proxy.kill("SIGKILL");
    await Promise.all(engines.map((engine) => engine.kill()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function load(
  { requests, steps, seed }: SoakOptions,
  port: number,
  engines: readonly SoakedEngine[],
  chaos: Chaos,
): Promise<SoakResults> {
  const results = new SoakResults();
  let next = 0;
  let stepping = true;
  const client = async (): Promise<void> => {
    const connection = new SoakClient(port);
    while (next < requests || stepping) {
      const number = ++next;
      const request = soakRequest(seededRandomOf(seed, number), number);
      const sentAtMs = performance.now();
      const answer = await connection.ask(request);
      results.add(request, answer, () => ({
        begun: engines.some(({ begunAtKill }) => begunAtKill.has(number)),
        killedMeanwhile: chaos.killedAtMs.some((atMs) => atMs + noticedWithinMs >= sentAtMs),
      }));
    }
    connection.close();
  };
  const stepper = async (): Promise<void> => {
    for (let step = 0; step < steps; step++) {
      // Spread over all requests; late where the proxy takes its time to see a change.
      while (next < (step * requests) / steps) await delay(2);
      await chaos.step(step);
    }
    stepping = false;
  };
  await Promise.all([stepper(), ...Array.from({ length: clients }, client)]);
  return results;
}

/** The hash behind a seeded stream costs more than a request, so a stream serves a thousand of them. */
const streams = new Map<string, () => number>();
function seededRandomOf(seed: number, number: number): () => number {
  const name = `requests from ${Math.floor(number / 1_000)}`;
  let random = streams.get(name);
  if (!random) {
    streams.clear();
    random = seededRandom(seed, name);
    streams.set(name, random);
  }
  return random;
}

function messageOf<Message>(child: ChildProcess): Promise<Partial<Message>> {
  return new Promise((resolve) => child.once("message", (message) => resolve(message as Partial<Message>)));
}

function sumOf(metrics: string, name: string): number {
  const values = metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"));
  return [...values].reduce((total, [, value]) => total + Number(value), 0);
}
