import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorRegistry } from "../../../platform/errors/registry.ts";

const document = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
const documented = new Map(
  [...document.matchAll(/^### ([A-Z_]+)\n\n(.+)\n\nRemedy: (.+)$/gm)].map(([, code, summary, remedy]) => [
    code,
    { summary, remedy },
  ]),
);

test("docs/errors.md documents every code of the registry with its summary and remedy", () => {
  for (const [code, entry] of Object.entries(errorRegistry))
    expect(documented.get(code), code).toEqual(entry);
});

test("docs/errors.md documents no code that the registry does not have", () => {
  expect([...documented.keys()].toSorted()).toEqual(Object.keys(errorRegistry).toSorted());
  expect([...document.matchAll(/^### /gm)]).toHaveLength(documented.size);
});

test("codes begin with the name of their area", () => {
  for (const code of Object.keys(errorRegistry)) {
    expect(code).toMatch(
      /^(SPEC|PLAN|STACK|ENGINE|LOCAL|ROUTES|PROXY|EMULATOR|ESTIMATE|PREDICT|OPTIMIZE|FIT|CLI|RUNTIME)_[A-Z_]+$/,
    );
  }
});
