import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { present } from "./support/present.ts";

const files = globSync("components/**/*.ts").sort();
const components = files
  .map((file) => ({ file, text: readFileSync(file, "utf8") }))
  .filter(({ text }) => text.includes("extends pulumi.ComponentResource"));

test("there are components", () => {
  expect(components.length).toBeGreaterThanOrEqual(13);
});

describe.each(files)("%s", (file) => {
  const text = readFileSync(file, "utf8");
  test("throws errors that Pulumi can show at the property or resource", () => {
    expect(text).not.toMatch(/throw new Error\b/);
  });
  test("is at most 300 lines long", () => {
    expect(text.split("\n").length).toBeLessThanOrEqual(300);
  });
  test("imports AWS and Kubernetes by the parts that it needs", () => {
    expect(text).not.toMatch(/from "@pulumi\/(?:aws|kubernetes)"/);
  });
});

describe.each(components)("the component of $file", ({ file, text }) => {
  const classes = [...text.matchAll(/export class (\w+) extends pulumi\.ComponentResource/g)].map(
    (match) => match[1] ?? "",
  );

  test("is the only one of its file, which is called after it", () => {
    expect(classes).toHaveLength(1);
    expect(
      present(classes[0])
        .replace(/(?<!^)([A-Z])/g, "-$1")
        .toLowerCase(),
    ).toBe(basename(file, ".ts"));
  });
  test("has the type token of its folder and class", () => {
    const folder = dirname(file).split("/")[1] ?? "";
    expect(text).toContain(`super("domino-inference:${folder}:${classes[0]}", name, {}, opts);`);
  });
  test("takes name, args and opts", () => {
    expect(text).toMatch(
      /constructor\(name: string, args: \w+Args, opts\?: pulumi\.ComponentResourceOptions\)/,
    );
  });
  test("registers its outputs last", () => {
    const body = /constructor\([^]*?\n {2}\}\n/.exec(text)?.[0] ?? "";
    expect(body).toMatch(/this\.registerOutputs\([^;]*\);\n {2}\}\n$/);
  });
});
