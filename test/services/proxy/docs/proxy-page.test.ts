import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  addProxyFlags,
  flags,
  type Flag,
  type ParsedFlags,
} from "../../../../services/proxy/command-line/flags.ts";
import { proxySettingsOf } from "../../../../services/proxy/command-line/proxy-settings.ts";
import { parseTokens } from "../../../../services/proxy/auth/tokens-file.ts";
import { methods } from "../../../../services/proxy/grpc/open-inference-service.ts";
import { latencyBucketsSeconds } from "../../../../services/proxy/measures/latency-histogram.ts";
import { proxyFailures } from "../../../../services/proxy/proxy-failure.ts";
import { bufferedBodiesFactor, proxyDefaults } from "../../../../services/proxy/proxy-options.ts";
import { parseRoutes } from "../../../../services/proxy/routes-file.ts";
import { readPredictEnvelope } from "../../../../services/proxy/wire/predict-envelope.ts";
import { blocks, page, quoted, rows, section } from "./page.ts";

describe("options on the page", () => {
  const documented = rows("Options", "default");

  it("are all of the command line, in its order, and no others", () => {
    expect(documented.map(([option = ""]) => quoted(option)[0]?.split(" ")[0])).toEqual(
      flags.map(({ name }) => `--${name}`),
    );
  });

  it("have the command line's choices", () => {
    const all: readonly Flag[] = flags;
    for (const { name, choices = [] } of all) {
      const row = documented.find(([option]) => option?.startsWith(`\`--${name} `)) ?? [];
      // Some are named as the default, the others in the meaning.
      expect(quoted(row.join(" ")), `--${name}`).toEqual(expect.arrayContaining([...choices]));
    }
  });

  it("have the command line's defaults", () => {
    const defaults = new Map(
      documented.map(([option = "", text = ""]) => [quoted(option)[0]?.split(" ")[0], text]),
    );
    for (const { name, description } of flags) {
      const [, value] = / \(default: ([^)]+)\)/.exec(description) ?? [];
      if (value === undefined || value.includes(" ")) continue;
      const text = defaults.get(`--${name}`) ?? "";
      expect(quoted(text)[0] ?? text, `--${name}`).toBe(value);
    }
    expect(page).toContain(`eight times`);
    expect(bufferedBodiesFactor).toBe(8);
    expect(page).toContain("60 s without a byte from the engine");
    expect(proxyDefaults.streamIdleMs).toBe(60_000);
    expect(page).toContain("looked at every 2 s");
    expect(proxyDefaults.filesPollMs).toBe(2_000);
  });
});

describe("commands on the page", () => {
  const commands = blocks(page, "sh").flatMap((block) =>
    block
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => line.startsWith("domino-inference proxy ")),
  );

  it("are there", () => expect(commands.length).toBeGreaterThan(2));

  it.each(commands)("%s is one that the proxy takes", (command) => {
    const parsed = addProxyFlags(new Command()).parse(command.split(/ +/).slice(2), { from: "user" });
    expect(proxySettingsOf(parsed.opts<ParsedFlags>()).routesFile).toBe("routes.yaml");
  });

  it("are scripts and files that are there", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const [, script = ""] of page.matchAll(/`npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty([script]);
    for (const [, file = ""] of page.matchAll(/`node (\S+\.ts)/g)) expect(existsSync(file), file).toBe(true);
    const cases = readFileSync("bench/proxy/run.ts", "utf8") + readCases();
    for (const [, name = ""] of page.matchAll(/--case ([\w-]+)/g)) expect(cases).toContain(`name: "${name}"`);
  });
});

function readCases(): string {
  return ["features", "half-load", "litellm", "memory", "pod-size", "predict", "streams"]
    .map((name) => readFileSync(`bench/proxy/cases/${name}.ts`, "utf8"))
    .join("\n");
}

describe("files on the page", () => {
  it("are routing tables that the proxy takes", () => {
    const tables = [...blocks(page, "yaml"), ...blocks(page, "json")].filter(
      (text) => text.includes("kind: RoutingTable") || text.startsWith("["),
    );
    expect(tables).toHaveLength(2);
    for (const text of tables) expect(parseRoutes(text, "routes.yaml").servers).toHaveLength(1);
  });

  it("are an envelope and tokens that it takes", () => {
    const [envelope = ""] = blocks(section("Requests"), "json");
    expect(readPredictEnvelope(Buffer.from(envelope))).toMatchObject({ modelName: "llama-3-70b" });
    const [tokens = ""] = blocks(section("Callers"), "yaml");
    expect(parseTokens(tokens, "tokens.yaml").size).toBe(1);
    expect(parse(tokens)).toHaveLength(1);
  });
});

describe("keys of the routing table on the page", () => {
  const source = readFileSync("platform/routes/routing-table.ts", "utf8");
  const inCode = ["RoutingTable", "RouteServer", "RouteModel", "RouteVersion", "RouteTarget"].flatMap(
    (interfaceName, index) => {
      const body = new RegExp(`interface ${interfaceName} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
      const of = ["table", "server", "model", "version", "target"][index];
      return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, key]) => `${of}: ${key}`);
    },
  );

  it("are all that there are, and no others", () => {
    const onPage = rows("Routing table").map(([key = "", of]) => `${of}: ${quoted(key)[0]}`);
    expect(inCode.length).toBeGreaterThan(30);
    expect(onPage.toSorted()).toEqual(inCode.toSorted());
  });
});

describe("errors on the page", () => {
  it("are all of the proxy's, with status and meaning, and no others", () => {
    expect(
      rows("Errors").map(([code = "", status, meaning]) => [quoted(code)[0], Number(status), meaning]),
    ).toEqual(Object.entries(proxyFailures).map(([code, { status, summary }]) => [code, status, summary]));
  });
});

describe("methods of gRPC on the page", () => {
  it("are all that are answered, and no others", () => {
    const onPage = rows("gRPC").flatMap(([names = ""]) =>
      quoted(names.replace("`grpc.health.v1.Health`", "")),
    );
    expect(onPage.toSorted()).toEqual(Object.keys(methods).toSorted());
  });
});

describe("figures and promises on the page", () => {
  it("say how exact percentiles are", () => {
    const upTo15 = latencyBucketsSeconds.filter((bound) => bound <= 15);
    const steps = upTo15.slice(1).map((bound, index) => bound / (upTo15[index] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(1.5 + 1e-9);
    expect(upTo15.filter((bound) => bound >= 1 && bound < 10)).toHaveLength(6);
    expect(latencyBucketsSeconds.slice(-5)).toEqual([15, 30, 60, 120, 300]);
  });

  it("name tests that are there", () => {
    const properties = rows("Security");
    expect(properties.length).toBeGreaterThan(15);
    for (const [property, test = ""] of properties) {
      const [, file = "", title = ""] = /^`(test\/[^`]+)`: (.+)$/.exec(test) ?? [];
      expect(existsSync(file), `${property}: ${file}`).toBe(true);
      expect(readFileSync(file, "utf8"), `${property}: ${file}`).toContain(title);
    }
  });

  it("link to pages and headings that are there", () => {
    for (const [, target = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      const [file = "", anchor] = target.split("#");
      const text = file === "" ? page : readFileSync(`docs/${file}`, "utf8");
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
      if (anchor !== undefined) expect(anchors, target).toContain(anchor);
    }
  });
});
