// Prints where the proxy's CPU time goes while it answers /predict of one size: by function, alone and with all that
// it calls. The profiler itself costs time; capacity is measured by run.ts.
//
//   node bench/proxy/profile.ts [BYTES 700] [CHECKOUT this one]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Bench } from "./bench.ts";
import { predictRequest, smallBytes } from "./load/requests.ts";
import { runWrk } from "./load/wrk.ts";
import { fixed } from "./report.ts";
import { loadCore, pin } from "./servers/measured-server.ts";
import { bareProxy, ownCheckout } from "./servers/proxy.ts";

/** The parts of V8's profile that are read here. */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Time in µs before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

const loadSeconds = 6;
/** What comes before in the profile, in µs, is the start and the warm-up. */
const skippedMicros = 4_000_000;
const shown = 30;

const bytes = Number(process.argv[2] ?? smallBytes);
const checkout = resolve(process.argv[3] ?? ownCheckout);
pin(process.pid, loadCore);
const folder = mkdtempSync(join(tmpdir(), "profile-"));
const bench = new Bench({ rounds: 1, seconds: loadSeconds, memoryMinutes: 1, checkout });
try {
  const nodeFlags = ["--cpu-prof", "--cpu-prof-interval=500", `--cpu-prof-dir=${folder}`];
  const proxy = await bench.proxy({ ...bareProxy, nodeFlags });
  await runWrk(proxy.url, predictRequest(bytes), 2 + loadSeconds);
  await bench.stop();
  for (const file of readdirSync(folder)) {
    print(JSON.parse(readFileSync(join(folder, file), "utf8")) as Profile);
  }
} finally {
  await bench.stop();
  rmSync(folder, { recursive: true });
}

function print({ nodes, samples, timeDeltas }: Profile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  const alone = new Map<string, number>();
  const withCalled = new Map<string, number>();
  let micros = 0;
  let busyMicros = 0;
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0;
    micros += delta;
    const node = byId.get(id);
    if (micros < skippedMicros || node === undefined || node.callFrame.functionName === "(idle)") continue;
    busyMicros += delta;
    add(alone, nameOf(node), delta);
    // A function that calls itself counts once.
    const names = new Set<string>();
    for (let at: ProfileNode | undefined = node; at !== undefined; at = callers.get(at.id))
      names.add(nameOf(at));
    for (const name of names) add(withCalled, name, delta);
  }
  for (const [title, times] of [
    ["alone", alone],
    ["with what it calls", withCalled],
  ] as const) {
    console.log(`\nshare of ${fixed(busyMicros / 1e6, 1)} s busy, ${title}`);
    for (const [name, time] of [...times].sort(([, one], [, other]) => other - one).slice(0, shown)) {
      console.log(`${fixed((100 * time) / busyMicros, 1).padStart(6)} %  ${name}`);
    }
  }
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const file = url.replace(/^file:\/\//, "").replace(`${checkout}/`, "");
  return `${functionName || "(anonymous)"} ${file}${file === "" ? "" : `:${lineNumber + 1}`}`;
}

function add(times: Map<string, number>, name: string, micros: number): void {
  times.set(name, (times.get(name) ?? 0) + micros);
}
