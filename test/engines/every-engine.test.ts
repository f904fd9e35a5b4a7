import { existsSync, readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { engineComponents } from "../../components/engines/registry.ts";
import { engineProfiles, type EngineType } from "../../platform/engines/registry.ts";

const types = Object.keys(engineProfiles) as EngineType[];
const page = readFileSync("docs/engines.md", "utf8");
const examples = readdirSync("examples")
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => ({
    file,
    spec: parse(readFileSync(`examples/${file}`, "utf8")) as {
      engines: { type: string; deployment?: string }[];
    },
  }));

/** The rows of a table after its head, cell by cell. */
function rowsAfter(heading: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

describe.each(types)("the engine %s", (type) => {
  const profile = engineProfiles[type];

  test("is called in its profile as in the registry, and has a component", () => {
    expect(profile.type).toBe(type);
    expect(engineComponents[type]).toBeTypeOf("function");
  });

  test("has a README: what it is, when to use it, its part of the spec, its patterns and its limits", () => {
    const readme = readFileSync(`platform/engines/${type}/README.md`, "utf8");
    for (const heading of ["What it is", "When to use it", "Spec reference", "Limits"]) {
      expect(readme).toContain(`\n## ${heading}\n`);
    }
    for (const pattern of profile.patterns) expect(readme).toContain(`\`${pattern}\``);
    expect(profile.limits.length).toBeGreaterThan(0);
  });

  test("has an example for each of its patterns, whose resources are recorded", () => {
    const own = examples.filter(({ spec }) => spec.engines.some((engine) => engine.type === type));
    const shown = own.flatMap(({ spec }) =>
      spec.engines
        .filter((engine) => engine.type === type)
        .map(({ deployment }) => deployment ?? profile.patterns[0]),
    );
    expect(new Set(shown)).toEqual(new Set(profile.patterns));
    for (const { file } of own) expect(existsSync(`test/golden/examples/${file}`), file).toBe(true);
  });

  test("has contract tests of its facts and of its resources", () => {
    const testsIn = (folder: string) =>
      existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.ts")) : [];
    expect(testsIn(`test/platform/engines/${type}`)).not.toEqual([]);
    expect(testsIn(`test/components/engines/${type}`)).not.toEqual([]);
  });

  test("is in the page of engines, with a column of features", () => {
    expect(page).toContain(`platform/engines/${type}/README.md`);
    expect(rowsAfter("Features")[0]?.map((cell) => cell.toLowerCase())).toContain(type);
  });

  test("is described by the page as by its profile", () => {
    const [head = [], , ...facts] = rowsAfter("Facts");
    const column = head.map((cell) => cell.toLowerCase()).indexOf(type);
    const fact = (name: string) => facts.find(([first]) => first === name)?.[column] ?? "";
    const probes = profile.probes({ loading: "preload" });
    expect(fact("image")).toBe(`\`${profile.image}\``);
    expect(fact("protocol")).toBe(profile.protocol);
    for (const [name, port] of Object.entries(profile.ports)) {
      expect(fact("ports")).toContain(`${name} ${port}`);
    }
    expect(fact("probes")).toBe(`\`${probes.startup}\`, \`${probes.liveness}\`, \`${probes.readiness}\``);
    expect(fact("queue")).toBe(`\`${profile.metrics.queue}\``);
    expect(fact("storage")).toBe(profile.storage.join(", "));
    expect(fact("longest request in a drain")).toBe(`${profile.drain.requestSeconds} s`);
  });

  test("takes no options as well as some, and gives the defaults of each", () => {
    expect(profile.options.engine.safeParse({}).success).toBe(true);
    expect(profile.options.model.safeParse({}).success).toBe(true);
    expect(profile.options.model.safeParse({ surely: "unknown" }).success).toBe(false);
  });
});

describe("the page of engines", () => {
  const [, , ...features] = rowsAfter("Features");
  let proofs: ReadonlyMap<string, { readonly file: string; readonly title: string }>;
  beforeAll(() => {
    const found = page.matchAll(/^(\d+)\. `(test\/[^`]+)`: (.+)$/gm);
    proofs = new Map([...found].map(([, number = "", file = "", title = ""]) => [number, { file, title }]));
  });

  test("has no empty claim: every cell names its test or says why not", () => {
    expect(features.length).toBeGreaterThan(30);
    for (const [feature, ...cells] of features) {
      expect(cells, feature).toHaveLength(types.length);
      for (const cell of cells) expect(cell, feature).toMatch(/^(?:yes \[\d+\]|– .{3,})$/);
    }
  });

  test("names tests that are there, and no test that no cell names", () => {
    const named = new Set(
      features.flatMap((cells) => cells.flatMap((cell) => /^yes \[(\d+)\]$/.exec(cell)?.[1] ?? [])),
    );
    expect(new Set(proofs.keys())).toEqual(named);
    for (const [number, { file, title }] of proofs) {
      expect(existsSync(file), `${number}: ${file}`).toBe(true);
      expect(readFileSync(file, "utf8"), `${number}: ${file}`).toContain(title);
    }
  });
});
