import { expect, it, onTestFinished } from "vitest";
import { fuzzCase, fuzzProxy } from "../../../bench/proxy/reliability/fuzz/fuzz-proxy.ts";
import { startRecordingEngine } from "../../../bench/proxy/reliability/fuzz/recording-engine.ts";
import { fuzzedBodyBytes, fuzzedRoutes } from "../../../bench/proxy/reliability/fuzz/routes.ts";
import { startTestProxy } from "./testbed.ts";

/** `node bench/proxy/reliability/fuzz.ts` runs a hundred thousand. */
const cases = 5_000;
const seed = 7;

async function startFuzzed() {
  const engine = await startRecordingEngine();
  onTestFinished(() => engine.stop());
  const proxy = await startTestProxy(fuzzedRoutes(engine.url), { maxBodyBytes: fuzzedBodyBytes });
  return { engine, proxy };
}

it("stands fuzzed requests: refuses without contact to an engine, passes on the very bytes, and goes on", async () => {
  const { engine, proxy } = await startFuzzed();
  const { kinds, statuses, failures } = await fuzzProxy({ port: proxy.port, engine, seed, cases });
  expect(failures).toEqual([]);
  // Proof that both sides were met: much was refused, and much was not.
  expect(statuses[200]).toBeGreaterThan(cases / 10);
  expect(statuses[400]).toBeGreaterThan(cases / 10);
  expect(Object.keys(kinds).length).toBeGreaterThanOrEqual(30);
  expect(proxy.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
}, 120_000);

it("notices when an engine is asked for what was refused, and when it gets other bytes", async () => {
  const { engine, proxy } = await startFuzzed();
  // An engine that claims to have been asked by every client, with a body of its own.
  const claim = engine.recorded.has.bind(engine.recorded);
  engine.recorded.has = (id) => id.startsWith("case-") || claim(id);
  engine.recorded.get = () => [{ url: "/", body: Buffer.from("other") }];
  const { failures } = await fuzzProxy({ port: proxy.port, engine, seed, cases: 200 });
  expect(failures.some((failure) => failure.includes("other bytes"))).toBe(true);
  expect(failures.some((failure) => failure.includes("all the same"))).toBe(true);
});

it("makes the same case of the same seed", () => {
  for (let index = 0; index < 100; index++) expect(fuzzCase(3, index)).toEqual(fuzzCase(3, index));
  expect(fuzzCase(3, 0)).not.toEqual(fuzzCase(4, 0));
});
