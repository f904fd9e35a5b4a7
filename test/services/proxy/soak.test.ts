import { expect, it } from "vitest";
import { runSoak } from "../../../bench/proxy/reliability/soak/run-soak.ts";
import { SoakResults } from "../../../bench/proxy/reliability/soak/soak-results.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import {
  soakRequest,
  type RequestKind,
  type SoakRequest,
} from "../../../bench/proxy/reliability/soak/traffic.ts";

/** `node bench/proxy/reliability/soak.ts` sends a million, with a hundred reloads. */
it("answers rightly or repeats while engines are killed, drained, slow and added again", async () => {
  const report = await runSoak({ requests: 4_000, steps: 15, seed: 3 });
  expect(report.examples).toEqual([]);
  expect(report.broken).toBe(0);
  expect(report).toMatchObject({ reloads: 15, drains: 15, kills: 5, slowSpells: 8 });
  for (const { right } of Object.values(report.kinds)) expect(right).toBeGreaterThan(50);
}, 120_000);

const calm = { begun: false, killedMeanwhile: false };

interface Judged {
  readonly status?: number;
  readonly complete?: boolean;
  /** Makes the text out of the right one. */
  readonly text?: (right: string) => string;
}

/** What an answer to a request of a kind counts as. */
function judged(kind: RequestKind, { status = 200, complete = true, text }: Judged, circumstances = calm) {
  const random = seededRandom(1, "judged");
  let request: SoakRequest;
  do request = soakRequest(random, 7);
  while (request.kind !== kind);
  const results = new SoakResults();
  results.add(request, { status, complete, text: text?.(request.expected) ?? "" }, () => circumstances);
  const { requests: _requests, ...outcomes } = results.kinds[kind];
  return Object.entries(outcomes).filter(([, count]) => count === 1)[0]?.[0];
}

it("tells right answers from wrong, lost and unrepeatable ones", () => {
  const right = (text: string) => text;
  const begun = { begun: true, killedMeanwhile: true };
  expect(judged("predict", { text: right })).toBe("right");
  expect(judged("predict", { text: (text: string) => text.replace("7", "8") })).toBe("wrong");
  expect(judged("predict", { status: 502 })).toBe("lost");
  expect(judged("predict", { status: 502 }, begun)).toBe("notRepeatable");
  expect(judged("predict", { status: 504 }, begun)).toBe("lost");
  expect(judged("infer", { status: 502 }, { begun: false, killedMeanwhile: true })).toBe("lost");
  expect(judged("stateful infer", { status: 502 }, { begun: false, killedMeanwhile: true })).toBe(
    "notRepeatable",
  );
  const broken = (text: string) =>
    `${text.slice(0, text.indexOf("\n\n") + 2)}\ndata: {"error":{"message":"m"}}\n\n`;
  expect(judged("stream", { text: right })).toBe("right");
  expect(judged("stream", { text: broken }, begun)).toBe("errorEvents");
  expect(judged("stream", { text: broken })).toBe("wrong");
  expect(judged("stream", { text: (text: string) => text.slice(0, 20), complete: false }, begun)).toBe(
    "lost",
  );
  expect(judged("stream", { text: (text: string) => text.replaceAll("7", "8") }, begun)).toBe("wrong");
});
