import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { handlerOf, measureHandlerOf } from "../../../../services/proxy/handlers/paths.ts";
import { openAiPaths } from "../../../../services/proxy/handlers/openai.ts";
import type { ProxyServices } from "../../../../services/proxy/handlers/services.ts";
import { json, startEngine, startTestProxy, table, tritonServer, vllmServer } from "../testbed.ts";
import { blocks, quoted, rows, section } from "./page.ts";

const documented = rows("Paths").map(([path = "", credential, meaning]) => {
  const [method = "", pattern = ""] = (quoted(path)[0] ?? "").split(" ");
  return { method, pattern, credential, meaning };
});

/** A path of a pattern. */
function pathOf(pattern: string): string {
  return pattern.replace("{model}", "bert").replace("{version}", "1");
}

const together = { metricsApart: false } as ProxyServices;
const apart = { metricsApart: true } as ProxyServices;

describe("paths on the page", () => {
  it.each(documented)(
    "$method $pattern is one, with the credential that is said",
    ({ method, pattern, credential }) => {
      const handler = handlerOf(together, method, pathOf(pattern));
      expect(handler.kind === "health" ? "no" : "yes").toBe(credential);
    },
  );

  it("are all that there are", () => {
    const source = readFileSync("services/proxy/handlers/paths.ts", "utf8");
    // Fixed paths stand as texts, those of a model as patterns whose last group lists what may be asked.
    const fixed = [...source.matchAll(/"(\/[^"{}*]*)"/g)].map(([, path = ""]) => path);
    const paths = new Set([...fixed.filter((path) => !path.endsWith("/")), ...openAiPaths]);
    expect(paths.size).toBeGreaterThan(10);
    const patterns = documented.map(({ pattern }) => pattern);
    expect(patterns).toEqual(expect.arrayContaining([...paths]));
    const modelPatterns = [...source.matchAll(/^const \w+Pattern = /gm)];
    expect(modelPatterns).toHaveLength(4);
    const [, actions = ""] = /\(\?:\\\/\(([\w|]+)\)\)\?\$\//.exec(source) ?? [];
    const asked = ["", ...actions.split("|").map((action) => `/${action}`)];
    const ofModels = ["", "/versions/{version}"].flatMap((version) =>
      asked.map((action) => `/v2/models/{model}${version}${action}`),
    );
    expect(ofModels).toHaveLength(8);
    expect(patterns.filter((pattern) => pattern.includes("{model}")).toSorted()).toEqual(
      [
        ...ofModels,
        "/v1/models/{model}",
        "/v1/models/{model}:predict",
        "/models/{model}/{version}/model",
      ].toSorted(),
    );
    expect(patterns.filter((pattern) => !pattern.includes("{model}")).toSorted()).toEqual(
      [...paths].toSorted(),
    );
  });

  it("of the metrics port are those that are said, and no others", () => {
    const said = quoted(section("Paths").split("The port of `--metrics-listen`")[1] ?? "");
    expect(said.toSorted()).toEqual(["/healthz", "/livez", "/metrics", "/readyz"]);
    for (const path of said) expect(measureHandlerOf("GET", path).kind).toBe("health");
    for (const { method, pattern } of documented.filter((one) => !said.includes(one.pattern))) {
      expect(() => measureHandlerOf(method, pathOf(pattern)), pattern).toThrow();
    }
    expect(() => handlerOf(apart, "GET", "/metrics")).toThrow();
  });
});

/** A proxy that has answered a request, with its audit lines. */
async function busyProxy() {
  const lines: string[] = [];
  const engine = await startEngine((_received, response) =>
    json(response, 200, { usage: { prompt_tokens: 3, completion_tokens: 4 } }),
  );
  const proxy = await startTestProxy(table(vllmServer([engine.url]), tritonServer([])), {
    audit: { write: (line: string) => void lines.push(line) },
  });
  await proxy.post("/v1/chat/completions", { model: "llama", messages: [] });
  await proxy.post("/v1/chat/completions", { model: "nobody", messages: [] });
  return { proxy, lines };
}

describe("a running proxy", () => {
  it("has the metrics of the page, with their types, labels and meanings, and no others", async () => {
    const { proxy } = await busyProxy();
    const text = await (await fetch(`${proxy.url}/metrics`)).text();
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const measured = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => [
      name,
      types.get(name),
      help,
    ]);
    const onPage = rows("Metrics").map(([name = "", type, , help]) => [quoted(name)[0], type, help]);
    expect(measured.length).toBeGreaterThan(10);
    expect(onPage).toEqual(measured);
    for (const [name = "", , labels = ""] of rows("Metrics")) {
      const sample = new RegExp(`^${quoted(name)[0]}(?:_sum)?(?:\\{(.*)\\})? `, "m").exec(text);
      // Some have no sample of such a request.
      if (!sample) continue;
      const found = [...(sample[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label);
      expect([...quoted(labels)].toSorted(), name).toEqual(found.toSorted());
    }
  });

  it("writes audit lines of the keys of the page, and its example has them too", async () => {
    const { lines } = await busyProxy();
    const written = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line) as object)));
    const onPage = rows("Log, audit lines and traces").map(([key = ""]) => quoted(key)[0] ?? "");
    expect(onPage.toSorted()).toEqual([...written].toSorted());
    const [example = "{}"] = blocks(section("Log, audit lines and traces"), "console");
    const [answered = "{}"] = lines;
    expect(Object.keys(JSON.parse(example) as object)).toEqual(Object.keys(JSON.parse(answered) as object));
  });

  it("has the attributes and reads the variables of traces that the page names", () => {
    const traces = section("Log, audit lines and traces").split("**Traces**")[1] ?? "";
    const source = ["otlp-request-span", "otlp-tracing", "environment"]
      .map((name) => readFileSync(`services/proxy/tracing/${name}.ts`, "utf8"))
      .join("\n");
    const set = [...source.matchAll(/"(inference\.\w+)"/g)].map(([, name]) => name);
    expect(quoted(traces).filter((name) => name.startsWith("inference."))).toEqual(set);
    const read = [...source.matchAll(/"(OTEL_\w+)"/g)].map(([, name]) => name);
    expect(quoted(traces)).toEqual(
      expect.arrayContaining([...new Set(read)].filter((name) => !name?.endsWith("TRACES_TIMEOUT"))),
    );
  });
});
