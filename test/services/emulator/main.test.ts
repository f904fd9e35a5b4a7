import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tabularGroup } from "./groups.ts";
import { present } from "./present.ts";

const main = fileURLToPath(new URL("../../../services/emulator/main.ts", import.meta.url));
let folder: string;
let planFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "emulator-"));
  planFile = join(folder, "plan.json");
  const plan = {
    kind: "PlatformPlan",
    engines: [{ name: "triton", protocol: "open-inference-v2", loading: "preload" }],
    groups: [{ ...tabularGroup(), engine: "triton" }],
  };
  await writeFile(planFile, JSON.stringify(plan));
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs the program; `onOutput` sees everything it has written so far. */
function run(
  flags: readonly string[],
  onOutput?: (output: string, signal: (name: "SIGTERM") => void) => void,
) {
  const child = spawn(process.execPath, [main, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    onOutput?.(stdout, (name) => child.kill(name));
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

test("runs a group until SIGTERM and exits with 0", async () => {
  let answered: Promise<number> | undefined;
  const { code, stderr } = await run(["--plan", planFile, "--group", "tabular"], (output, signal) => {
    if (answered !== undefined || !output.includes("\n")) return;
    const { msg, endpoints } = JSON.parse(present(output.split("\n")[0])) as {
      msg: string;
      endpoints: string[];
    };
    expect(msg).toBe("emulator ready");
    answered = fetch(`${endpoints[0]}/v2/health/ready`).then(({ status }) => status);
    void answered.finally(() => signal("SIGTERM"));
  });
  expect([code, stderr]).toEqual([0, ""]);
  expect(await answered).toBe(200);
});

test("a taken port ends it with 1 and the code", async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  const port = String((blocker.address() as AddressInfo).port);
  const { code, stderr } = await run(["--plan", planFile, "--group", "tabular", "--port", port]);
  expect(code).toBe(1);
  expect(stderr).toContain(`LOCAL_PORT_IN_USE 127.0.0.1:${port} is taken.`);
  await new Promise((resolve) => blocker.close(resolve));
});

test("a plan that is none and a group that it lacks end it with 1 and the code", async () => {
  const broken = join(folder, "broken.json");
  await writeFile(broken, JSON.stringify({ kind: "PlatformPlan", engines: [], groups: [{}] }));
  const [missing, invalid, unknown] = await Promise.all([
    run(["--plan", join(folder, "none.json"), "--group", "tabular"]),
    run(["--plan", broken, "--group", "tabular"]),
    run(["--plan", planFile, "--group", "vision"]),
  ]);
  expect([missing.code, invalid.code, unknown.code]).toEqual([1, 1, 1]);
  expect(missing.stderr).toMatch(/^EMULATOR_CONFIG_INVALID --plan: ".*none\.json" cannot be read\./);
  expect(invalid.stderr).toMatch(
    /^EMULATOR_CONFIG_INVALID --plan: ".*broken\.json" is not a platform plan: groups\.0\.name: /,
  );
  expect(unknown.stderr).toContain('EMULATOR_CONFIG_INVALID --group: the plan has no group "vision".');
  expect(unknown.stderr).toContain("allowed: tabular");
});

test("a wrong command line ends it with 2, --help with 0", async () => {
  const [missing, port, help] = await Promise.all([
    run(["--plan", planFile]),
    run(["--plan", planFile, "--group", "tabular", "--port", "70000"]),
    run(["--help"]),
  ]);
  expect([missing.code, port.code, help.code]).toEqual([2, 2, 0]);
  expect(missing.stderr).toContain("--group <name>");
  expect(port.stderr).toContain("A port is a number from 0 to 65535.");
  expect(help.stdout).toContain("Emulates one replica group");
});
