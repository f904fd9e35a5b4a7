import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clusterNeed, startCluster, type Cluster } from "./cluster.ts";
import { waitFor } from "./cluster/waiting.ts";
import { suite } from "./requires.ts";

suite("a cluster", [clusterNeed()], () => {
  let first: Cluster;
  let second: Cluster;

  beforeAll(async () => {
    [first, second] = await Promise.all([startCluster(), startCluster()]);
  });

  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
  });

  test("runs beside another without meeting it", async () => {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: "only-in-one" } };
    await first.api.apply(object);
    expect(await first.api.read(object)).toBeDefined();
    expect(await second.api.read(object)).toBeUndefined();
    expect(first.kubeconfig).not.toBe(second.kubeconfig);
    // The token of one is worth nothing to the other.
    const { users } = JSON.parse(first.kubeconfig) as { users: { user: { token: string } }[] };
    await expect(
      second.api.call("GET", "/api/v1/namespaces", {
        headers: { authorization: `Bearer ${users[0]?.user.token}` },
      }),
    ).rejects.toMatchObject({ status: 401 });
  });

  test("has Domino's nodes, ready, with GPUs where Domino's have them", async () => {
    const nodes = await first.api.list("v1", "Node");
    const gpus = Object.fromEntries(
      nodes.map((node) => [node.metadata.name, node["status"].allocatable["nvidia.com/gpu"]]),
    );
    expect(gpus).toEqual({
      "platform-us-west-2a": undefined,
      "platform-us-west-2b": undefined,
      "compute-us-west-2a": undefined,
      "compute-us-west-2b": undefined,
      "gpu-us-west-2a": "1",
    });
  });

  test("leaves nothing behind when its test stops it", async () => {
    const { folder } = second;
    const processes = second.processes();
    expect(processes.length).toBeGreaterThanOrEqual(5);
    await second.stop();
    expect(processes.filter(isRunning)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test("leaves nothing behind when its test is killed", async () => {
    const holder = spawn(
      process.execPath,
      [fileURLToPath(new URL("cluster/hold-cluster.ts", import.meta.url))],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const line = await new Promise<string>((resolve) => {
      holder.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    });
    const { processes, folder } = JSON.parse(line) as { processes: number[]; folder: string };
    expect(existsSync(folder)).toBe(true);
    expect(processes.length).toBeGreaterThanOrEqual(5);
    expect(processes.filter(isRunning)).toEqual(processes);
    holder.kill("SIGKILL");
    await waitFor(async () => processes.every((pid) => !isRunning(pid)) && !existsSync(folder), {
      what: "the end of every process and of their folder",
    });
  });
});

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
