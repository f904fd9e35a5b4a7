import { execFile } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse, parseAllDocuments } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const fixture = join(root, "test/fixtures/engines/echo");
const copy = mkdtempSync(join(tmpdir(), "new-engine-"));

/** What the program is made of; tests, benchmarks and documents are not. */
const program = [
  ...["bin", "cli", "components", "optimizer", "platform", "policies", "services", "stacks", "schema"],
  ...["index.ts", "package.json", "Pulumi.yaml"],
];

/** The whole change: two folders, and a line in each of two lists. */
beforeAll(() => {
  for (const part of program) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  mkdirSync(join(copy, "platform/engines/echo"));
  mkdirSync(join(copy, "components/engines/echo"));
  const place = (from: string, to: string) =>
    writeFileSync(join(copy, to), readFileSync(join(fixture, from)));
  place("platform/profile.ts.txt", "platform/engines/echo/profile.ts");
  place("components/echo-engine.ts.txt", "components/engines/echo/echo-engine.ts");
  appendFileSync(
    join(copy, "platform/engines/engine-list.ts"),
    'export { echoProfile as echo } from "./echo/profile.ts";\n',
  );
  appendFileSync(
    join(copy, "components/engines/engine-list.ts"),
    'export { EchoEngine as echo } from "./echo/echo-engine.ts";\n',
  );
  // A shipped spec, whose cluster and proxy are as good as any, with this engine alone.
  const stack = parse(readFileSync(join(root, "stacks/dev.yaml"), "utf8"));
  writeFileSync(
    join(copy, "echo.yaml"),
    JSON.stringify({
      ...stack,
      engines: [
        {
          name: "echoes",
          type: "echo",
          storage: "pvc://models/echo",
          models: [
            {
              name: "bert-base",
              echo: { greeting: "good morning" },
              traffic: [{ slo: { latencyP95: "200ms" }, load: { rate: "60/min" } }],
            },
          ],
        },
      ],
    }),
  );
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

async function cli(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(copy, "bin/domino-inference.js"), ...args], {
    cwd: copy,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

describe("a new engine of two folders and two lines", () => {
  test("is planned: its group gets an accelerator, replicas and a route", async () => {
    const plan = JSON.parse(await cli("plan", "--spec", "echo.yaml", "--format", "json"));
    expect(plan.unplaced).toEqual([]);
    expect(plan.groups).toMatchObject([{ engineType: "echo", engine: "echoes" }]);
    expect(plan.routes.servers).toMatchObject([{ name: "echoes", type: "echo" }]);
  });

  test("is deployed with its own ports, probes and options", async () => {
    const [group] = JSON.parse(await cli("plan", "--spec", "echo.yaml", "--format", "json")).groups;
    const manifests = parseAllDocuments(
      await cli("preview", "--offline", "--spec", "echo.yaml", "--format", "yaml"),
    ).map((document) => document.toJS());
    const deployment = manifests.find(
      ({ kind, metadata }) => kind === "Deployment" && metadata.name === group.name,
    );
    expect(deployment).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: "echo",
                image: "registry.example/echo:1.0.0",
                command: ["echo-server", "--greeting=good morning"],
                ports: [
                  { name: "http", containerPort: 9000 },
                  { name: "metrics", containerPort: 9001 },
                ],
                readinessProbe: { httpGet: { path: "/ready", port: "http" } },
              },
            ],
          },
        },
      },
    });
  });

  test("has its options checked with the nearest name, and its reserved arguments refused", async () => {
    const spec = readFileSync(join(copy, "echo.yaml"), "utf8");
    writeFileSync(join(copy, "wrong.yaml"), spec.replace('"greeting"', '"greetings"'));
    await expect(cli("plan", "--spec", "wrong.yaml")).rejects.toMatchObject({
      stderr: expect.stringMatching(/SPEC_KEY_UNKNOWN .*echo\.greetings.*did you mean "greeting"/),
    });
    writeFileSync(
      join(copy, "reserved.yaml"),
      spec.replace('"storage"', '"arguments":["--greeting=no"],"storage"'),
    );
    await expect(cli("plan", "--spec", "reserved.yaml")).rejects.toMatchObject({
      stderr: expect.stringMatching(/SPEC_COMBINATION_UNSUPPORTED .*follows from the option greeting/),
    });
  });

  test("needs no other file changed for its types to hold", async () => {
    writeFileSync(
      join(copy, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "tsconfig.json"),
        compilerOptions: { incremental: false, tsBuildInfoFile: null },
        include: ["index.ts", "platform", "components", "stacks"],
        exclude: [],
      }),
    );
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"], {
      cwd: copy,
    });
  }, 120_000);
});
