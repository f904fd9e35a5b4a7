import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { startEmulatedGroup } from "../../../services/emulator/emulator.ts";
import { chatGroup, chatModel, requestModel, tabularGroup } from "./groups.ts";
import { eventually } from "./running-group.ts";

const preload = { loading: "preload", protocol: "open-inference-v2" } as const;

test("every replica is a server of its own on the loopback address", async () => {
  const group = await startEmulatedGroup({ group: tabularGroup({ replicas: 3 }), ...preload });
  expect(group.endpoints).toHaveLength(3);
  expect(new Set(group.endpoints).size).toBe(3);
  for (const endpoint of group.endpoints) {
    expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${endpoint}/v2/health/ready`)).status).toBe(200);
  }
  await group.close();
  await group.close();
  await expect(fetch(`${group.endpoints[0]}/v2/health/ready`)).rejects.toThrow();
});

test("a group of no replicas has no endpoints", async () => {
  const group = await startEmulatedGroup({ group: tabularGroup({ replicas: 0 }), ...preload });
  expect(group.endpoints).toEqual([]);
  await group.close();
});

/** Blocks a port and starts two replicas whose second one meets it. */
async function startOntoTakenPort(): Promise<{ error: unknown; port: number }> {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  const { port } = blocker.address() as AddressInfo;
  const start = startEmulatedGroup({ group: tabularGroup({ replicas: 2 }), ...preload, port: port - 1 });
  const error: unknown = await start.catch((reason: unknown) => reason);
  await new Promise((resolve) => blocker.close(resolve));
  return { error, port };
}

test("a taken port is a coded error, and no replica is left listening", async () => {
  // Where another program holds the port below, the first replica meets that one: another try takes other ports.
  const { error, port } = await eventually(startOntoTakenPort, (start) =>
    String(start.error).includes(`:${start.port} `),
  );
  expect(error).toMatchObject({ code: "LOCAL_PORT_IN_USE" });
  await expect(fetch(`http://127.0.0.1:${port - 1}/v2`)).rejects.toThrow();
});

test("a port beyond the last one is a coded error", async () => {
  const start = startEmulatedGroup({ group: tabularGroup(), ...preload, port: 65_536 });
  await expect(start).rejects.toMatchObject({ code: "EMULATOR_CONFIG_INVALID" });
});

test.each([
  ["an address of another machine", { group: tabularGroup(), ...preload, host: "192.0.2.1" }, "192.0.2.1:0"],
  ["no models", { group: tabularGroup({ models: [] }), ...preload }, 'group "tabular" has no models'],
  ["a generation model under v2", { group: chatGroup(), ...preload }, 'model "llama-3-8b" is for generation'],
  [
    "a request/response model under OpenAI",
    {
      group: chatGroup({ models: [requestModel("bert-base", "3")] }),
      ...preload,
      protocol: "openai" as const,
    },
    'model "bert-base" is for request-response',
  ],
  [
    "two models under OpenAI",
    { group: chatGroup({ models: [chatModel(), chatModel()] }), ...preload, protocol: "openai" as const },
    'group "chat" has 2 models; a vLLM process serves one',
  ],
])("refuses %s", async (_, options, message) => {
  const start = startEmulatedGroup(options);
  await expect(start).rejects.toMatchObject({ code: "EMULATOR_CONFIG_INVALID" });
  await expect(start).rejects.toThrow(message);
});
