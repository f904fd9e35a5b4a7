import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { chosenTraffic } from "../../../platform/frontier/chosen-traffic.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const spec = parsed(smallSpec);
const all = planPlatform(spec).servers.map(({ id }) => id);

describe("choosing servers", () => {
  test("without a choice every server of the plan is meant, by the same id", () => {
    expect(chosenTraffic(spec, {}).servers).toEqual(all);
  });

  test.each([
    ["an id", { server: "tabular/bert-base/3/Free" }, ["tabular/bert-base/3/Free"]],
    ["an engine", { server: "tabular/*" }, ["tabular/bert-base/3/Free", "tabular/bert-base/3/Premium"]],
    ["a class", { server: "*/Premium" }, ["chat/llama-3-70b/1/Premium", "tabular/bert-base/3/Premium"]],
    ["pieces in order", { server: "t*base*ree" }, ["tabular/bert-base/3/Free"]],
    ["a model", { model: "llama-3-70b" }, ["chat/llama-3-70b/1/Premium"]],
  ])("takes %s", (_what, choice, servers) => {
    expect(chosenTraffic(spec, choice).servers).toEqual(servers);
  });

  test("a pattern matches as the regular expression that it stands for", () => {
    const pattern = fc
      .array(fc.constantFrom("*", "a", "b", "/"), { maxLength: 7 })
      .map((parts) => parts.join(""));
    const name = fc
      .array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(pattern, name, name, (server, engine, model) => {
        const [first, second] = spec.engines;
        if (!first || !second) throw new Error("the small spec has two engines");
        const own = {
          ...spec,
          engines: [
            { ...second, name: engine, models: second.models.map((one) => ({ ...one, name: model })) },
          ],
        };
        const expected = new RegExp(`^${server.replaceAll("*", ".*")}$`).test(`${engine}/${model}/1/Premium`);
        const found = (() => {
          try {
            return chosenTraffic(own, { server }).servers.length > 0;
          } catch {
            return false;
          }
        })();
        expect(found).toBe(expected);
      }),
    );
  });

  test("one version stands for all, since versions share their traffic", () => {
    const canary = parsed(
      smallSpecWith("version: 3", "versions: [{ version: 3, weight: 90 }, { version: 4, weight: 10 }]"),
    );
    expect(chosenTraffic(canary, { server: "tabular/bert-base/4/Free" }).servers).toEqual([
      "tabular/bert-base/3/Free",
      "tabular/bert-base/4/Free",
    ]);
  });

  test("servers without a latency target are told apart", () => {
    expect(chosenTraffic(spec, {}).serversWithTargets).toEqual([
      "chat/llama-3-70b/1/Premium",
      "tabular/bert-base/3/Premium",
    ]);
  });

  test.each([
    [{ server: "chat/llama-3-70b/1/Premum" }, /did you mean "chat\/llama-3-70b\/1\/Premium"/],
    [{ model: "lama-3-70b" }, /did you mean "llama-3-70b"/],
    [{ server: "nothing/*" }, /no server of the spec is "nothing\/\*"/],
    [{ server: "" }, /no server of the spec is ""/],
  ])("refuses %o, which names none", (choice, message) => {
    const act = () => chosenTraffic(spec, choice);
    expect(act).toThrow(PlatformError);
    expect(act).toThrow(message);
    expect(act).toThrow(/^PLAN_SERVER_UNKNOWN /);
  });
});
