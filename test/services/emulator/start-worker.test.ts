import { expect, test } from "vitest";
import { startEmulatorWorker } from "../../../services/emulator/start-worker.ts";
import { chatGroup, tabularGroup } from "./groups.ts";

test("a worker starts, answers, and leaves nothing behind", async () => {
  const worker = await startEmulatorWorker({
    group: chatGroup({ replicas: 2 }),
    loading: "preload",
    protocol: "openai",
  });
  expect(worker.endpoints).toHaveLength(2);
  for (const endpoint of worker.endpoints) expect((await fetch(`${endpoint}/health`)).status).toBe(200);
  await worker.close();
  await worker.close();
  expect(await worker.exited).toBe(0);
  await expect(fetch(`${worker.endpoints[0]}/health`)).rejects.toThrow();
});

test("a group that cannot run is refused with its code across the thread", async () => {
  const start = startEmulatorWorker({ group: tabularGroup(), loading: "preload", protocol: "openai" });
  await expect(start).rejects.toMatchObject({ name: "PlatformError", code: "EMULATOR_CONFIG_INVALID" });
});

test("a worker that dies before it is ready is refused", async () => {
  const group = { ...tabularGroup(), models: null } as never;
  await expect(startEmulatorWorker({ group, ...{ loading: "preload", protocol: "openai" } })).rejects.toThrow(
    TypeError,
  );
});
