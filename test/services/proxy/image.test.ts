import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { proxyGrpcPort, proxyMetricsPort, proxyPort } from "../../../components/proxy/proxy-identity.ts";

const dockerfile = readFileSync("services/proxy/Dockerfile", "utf8");
const stages = dockerfile.split(/^FROM /m).slice(1);
const runtime = stages.at(-1) ?? "";

/** What a file imports when it runs: types are gone by then. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [
    ...text.matchAll(/^(?:import|export)\s(?!type\b)(?:[^"';]*?\sfrom\s)?"([^"]+)"/gm),
    ...text.matchAll(/\bimport\("([^"]+)"\)/g),
  ].map(([, name]) => name ?? "");
}

/** Files and packages that the proxy's program leads to. */
function reached(): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const open = ["services/proxy/main.ts"];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const name of importsOf(file)) {
      if (name.startsWith(".")) open.push(join(dirname(file), name));
      else if (!name.startsWith("node:")) packages.add(packageOf(name));
    }
  }
  return { files: [...files], packages: [...packages].toSorted() };
}

function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

describe("the container image", () => {
  it("installs exactly the packages that the proxy imports", () => {
    const installed = /^ARG PACKAGES="(.+)"$/m.exec(dockerfile)?.[1]?.split(" ");
    expect(installed).toEqual(reached().packages);
  });

  it("holds every file that the proxy imports", () => {
    const copied = [...runtime.matchAll(/^COPY (\S+) \.\/\1$/gm)].map(([, folder]) => `${folder}/`);
    expect(copied.length).toBeGreaterThan(0);
    const { files } = reached();
    expect(files.length).toBeGreaterThan(20);
    expect(files.filter((file) => !copied.some((folder) => file.startsWith(folder)))).toEqual([]);
    const ignored = readFileSync("services/proxy/Dockerfile.dockerignore", "utf8").split("\n");
    for (const folder of copied) expect(ignored).toContain(`!${folder.slice(0, -1)}`);
  });

  it("has no shell to run anything by, and runs as a user that is not root", () => {
    expect(runtime).toMatch(/^\$\{RUNTIME\}\n/);
    expect(dockerfile).toMatch(/^ARG RUNTIME=gcr\.io\/distroless\/nodejs24-debian\d+:nonroot$/m);
    expect(runtime).not.toMatch(/^RUN /m);
    expect(runtime).toMatch(/^USER 65532:65532$/m);
    expect(runtime).toMatch(/^ENTRYPOINT \["\/nodejs\/bin\/node", "services\/proxy\/main\.ts"\]$/m);
  });

  it("names the ports that the component opens", () => {
    expect(/^EXPOSE (.+)$/m.exec(runtime)?.[1]).toBe(`${proxyPort} ${proxyMetricsPort} ${proxyGrpcPort}`);
  });
});
