import { expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { startLocalPlatform } from "../../../services/local/local-platform.ts";
import { sendFirstRequests } from "../../../services/local/first-requests.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const plan = planPlatform(parsed(smallSpec));
const options = { plan, host: "127.0.0.1", port: 0, pagePort: 0, onProgress: () => undefined };

test("a plan comes up with proxy and page, answers from every model, and is gone after close", async () => {
  const platform = await startLocalPlatform(options);
  const answers = await sendFirstRequests(platform.proxyUrl, platform.routes);
  await platform.close();
  expect(answers.map(({ server, model, right }) => [server, model, right])).toEqual([
    ["chat", "llama-3-70b", true],
    ["tabular", "bert-base", true],
  ]);
  for (const url of [platform.proxyUrl, platform.pageUrl]) await expect(fetch(url)).rejects.toThrow();
  await platform.close();
});

test("an answer that is missing is reported as wrong, never as right", async () => {
  const platform = await startLocalPlatform(options);
  const { routes, proxyUrl } = platform;
  await platform.close();
  for (const answer of await sendFirstRequests(proxyUrl, routes)) expect(answer.right).toBe(false);
});

test("where one engine cannot start, those that start later are ended too before the error is thrown", async () => {
  const [first, ...others] = plan.groups;
  const broken = {
    ...plan,
    groups: [{ ...first, models: [] } as unknown as (typeof plan.groups)[number], ...others],
  };
  const up: string[] = [];
  await expect(
    startLocalPlatform({ ...options, plan: broken, onProgress: (line) => up.push(line) }),
  ).rejects.toMatchObject({ problems: [{ code: "EMULATOR_CONFIG_INVALID" }] });
  const upAtFailure = up.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(up).toHaveLength(upAtFailure);
  expect(
    process
      .getActiveResourcesInfo()
      .filter((resource) => resource === "Worker" || resource === "MessagePort"),
  ).toEqual([]);
});
