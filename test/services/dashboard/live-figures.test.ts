import { expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { liveFigures } from "../../../services/dashboard/live-figures.ts";
import { parseMetrics } from "../../../services/dashboard/metrics-text.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const plan = planPlatform(parsed(smallSpec));
const premium = 'server="tabular",model="bert-base",version="3",service_class="Premium"';

/** 100 requests below 10 ms, 80 more below 20 ms, 20 above; cumulative as Prometheus writes them. */
const later = parseMetrics(`# HELP inference_requests_total Requests.
# TYPE inference_requests_total counter
inference_requests_total{${premium},status="200"} 190
inference_requests_total{${premium},status="503"} 10
inference_request_duration_seconds_bucket{${premium},le="0.01"} 100
inference_request_duration_seconds_bucket{${premium},le="0.02"} 180
inference_request_duration_seconds_bucket{${premium},le="0.04"} 200
inference_request_duration_seconds_bucket{${premium},le="+Inf"} 200
`);
const figuresOf = (older: ReturnType<typeof parseMetrics>, newer = later) =>
  liveFigures(plan, { atMs: 0, samples: older }, { atMs: 10_000, samples: newer });

test("rates are requests a minute over the window, failed ones counted apart", () => {
  const figures = figuresOf([]);
  const server = figures.servers.find(({ id }) => id === "tabular/bert-base/3/Premium");
  // 200 requests in 10 s.
  expect(server).toMatchObject({ requestsPerMinute: 1200, failedPerMinute: 60 });
  expect(figures).toMatchObject({ windowSeconds: 10, requestsPerMinute: 1200 });
});

test("the 95th percentile is interpolated inside its bucket", () => {
  const server = figuresOf([]).servers.find(({ id }) => id === "tabular/bert-base/3/Premium");
  // Rank 190 of 200 lies halfway through the bucket from 20 to 40 ms.
  expect(server?.latencyP95Ms).toBeCloseTo(30, 9);
});

test("only what came between the snapshots counts", () => {
  const server = figuresOf(later).servers.find(({ id }) => id === "tabular/bert-base/3/Premium");
  expect(server).toMatchObject({ requestsPerMinute: 0, latencyP95Ms: null });
});

test("a counter that went back counts from zero", () => {
  const restarted = parseMetrics(`inference_requests_total{${premium},status="200"} 5\n`);
  const server = figuresOf(later, restarted).servers.find(({ id }) => id === "tabular/bert-base/3/Premium");
  expect(server?.requestsPerMinute).toBe(30);
});

test("servers of other classes keep their own figures", () => {
  const server = figuresOf([]).servers.find(({ id }) => id === "tabular/bert-base/3/Free");
  expect(server).toMatchObject({
    requestsPerMinute: 0,
    latencyP95Ms: null,
    ttftP95Ms: null,
    itlMeanMs: null,
  });
});

test("inter-token latency is the mean of its histogram", () => {
  const chat = 'server="chat",model="llama-3-70b",version="1",service_class="Premium"';
  const samples = parseMetrics(
    `inference_inter_token_latency_seconds_sum{${chat}} 1.5\ninference_inter_token_latency_seconds_count{${chat}} 50\n`,
  );
  const server = figuresOf([], samples).servers.find(({ id }) => id === "chat/llama-3-70b/1/Premium");
  expect(server?.itlMeanMs).toBeCloseTo(30, 9);
});

test("label values are unescaped and lines of another form skipped", () => {
  expect(parseMetrics('# comment\n\nm{a="x\\"y\\\\z\\n"} 2\nnot a sample\nn 3 1700000000000\n')).toEqual([
    { name: "m", labels: { a: 'x"y\\z\n' }, value: 2 },
    { name: "n", labels: {}, value: 3 },
  ]);
});
