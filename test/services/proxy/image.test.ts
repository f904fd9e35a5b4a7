import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../../services/proxy/", import.meta.url));

describe("the container image", () => {
  it("installs exactly the packages that the proxy imports", () => {
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const imported = sources
      .flatMap((file) => [...readFileSync(folder + file, "utf8").matchAll(/ from "([^".][^"]*)"/g)])
      .map(([, name]) => name ?? "")
      .filter((name) => !name.startsWith("node:"));
    const installed = /^ARG PACKAGES="(.+)"$/m
      .exec(readFileSync(`${folder}Dockerfile`, "utf8"))?.[1]
      ?.split(" ");
    expect(installed).toEqual([...new Set(imported)].toSorted());
  });
});
