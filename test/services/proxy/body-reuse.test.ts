import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { startTestProxy, table, tritonServer } from "./testbed.ts";

const mib = 1024 * 1024;

/** More than the buffers of two sockets hold while nobody reads. */
const largeBytes = 4 * mib - 1024;

const answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/**
 * An engine that answers the first request when it has its head, and leaves the rest of it unread until it is told;
 * the others it answers when it has them.
 */
async function startHastyEngine() {
  let firstSocket: Socket | undefined;
  let firstText = "";
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (!firstSocket) {
      firstSocket = socket;
      socket.once("data", (chunk: Buffer) => {
        firstText += chunk.toString("latin1");
        socket.pause();
        socket.write(answer);
      });
      return;
    }
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = Number(/^content-length: (\d+)\r$/im.exec(text.slice(0, head + 2))?.[1]);
      if (text.length < head + 4 + length) return;
      text = "";
      socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    firstSocket?.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** All that came of the first request, until its connection ended. */
    restOfFirst: () =>
      new Promise<string>((resolve) => {
        firstSocket?.on("data", (chunk: Buffer) => (firstText += chunk.toString("latin1")));
        firstSocket?.once("close", () => resolve(firstText));
        firstSocket?.resume();
      }),
  };
}

it("an engine that answers before it has read a request never reads another client's instead of it", async () => {
  const engine = await startHastyEngine();
  const proxy = await startTestProxy(table(tritonServer([engine.url])));
  const ask = async (letter: string): Promise<void> => {
    const answered = await proxy.predict({ payload: { text: letter.repeat(largeBytes) } });
    expect(await answered.json()).toEqual({ status_code: 200, result: {} });
  };
  await ask("a");
  for (let count = 0; count < 3; count++) await ask("b");
  const first = await engine.restOfFirst();
  expect(first).toContain("aaaa");
  expect(first).not.toContain("b".repeat(8));
  // Else there would have been nothing left to send, and nothing shown.
  expect(first.length).toBeLessThan(largeBytes);
});
