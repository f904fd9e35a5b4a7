import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { clusterNeed, startCluster, type Cluster } from "./cluster.ts";
import { waitFor } from "./cluster/waiting.ts";
import { suite } from "./requires.ts";

suite("a cluster", [clusterNeed()], () => {
  const clusters: Cluster[] = [];

  afterEach(async () => {
    await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
  }, 60_000);

  test("runs beside another without meeting it", { timeout: 180_000 }, async () => {
    clusters.push(...(await Promise.all([startCluster(), startCluster()])));
    const [first, second] = clusters as [Cluster, Cluster];
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

  test("has Domino's nodes, ready, with GPUs where Domino's have them", { timeout: 120_000 }, async () => {
    const cluster = await startCluster();
    clusters.push(cluster);
    const nodes = await cluster.api.list("v1", "Node");
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

  test("leaves no process behind when its test stops it", { timeout: 120_000 }, async () => {
    const cluster = await startCluster();
    const { folder } = cluster;
    const processes = cluster.processes();
    expect(processes.length).toBeGreaterThanOrEqual(5);
    await cluster.stop();
    expect(processes.filter(isRunning)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test("leaves no process behind when its test is killed", { timeout: 120_000 }, async () => {
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
