import { createServer, type AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import {
  EngineConnection,
  type ConnectionOwner,
  type ConnectionUser,
} from "../../../../../services/proxy/upstream/connection/engine-connection.ts";
import { startNamedEngine } from "../../testbed.ts";

const head = "GET / HTTP/1.1\r\nhost: engine\r\n\r\n";

/** Whom the connection is idle for, or how it broke. */
function connectTo(url: string) {
  const { hostname: host, port } = new URL(url);
  const connected = Promise.withResolvers<undefined>();
  const closed = Promise.withResolvers<Error | undefined>();
  let idle = 0;
  const owner: ConnectionOwner = {
    onConnected: () => connected.resolve(undefined),
    onIdle: () => idle++,
    onClosed: (_connection, error) => closed.resolve(error),
  };
  const connection = new EngineConnection({ host, port: Number(port), tls: false }, owner);
  /** The answer's text; `pauses` as a sink does whose client has more than it reads. */
  const ask = (pauses: boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      const user: ConnectionUser = {
        onHead: () => undefined,
        onBody: (chunk) => {
          text += chunk.toString("latin1");
          if (pauses) connection.pause();
        },
        onEnd: () => resolve(text),
        onBroken: reject,
      };
      connection.send(user, head, undefined);
    });
  return { connection, connected: connected.promise, closed: closed.promise, ask, idle: () => idle };
}

it("says whether it has carried a request, so that the next one may be repeated where the engine closes it", async () => {
  const engine = await startNamedEngine("one");
  const { connection, connected, ask } = connectTo(engine.url);
  await connected;
  expect(connection.wasUsed).toBe(false);
  await ask(false);
  expect(connection.wasUsed).toBe(true);
  connection.destroy();
});

it("is given up where the engine ends it between two answers: not as broken, and not only when it has closed", async () => {
  const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
  const engine = createServer((socket) => void socket.once("data", () => socket.end(answer)));
  await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void engine.close());
  const { port } = engine.address() as AddressInfo;
  const { connected, closed, ask } = connectTo(`http://127.0.0.1:${port}`);
  await connected;
  expect(await ask(false)).toBe("{}");
  expect(await closed).toBe(undefined);
});

it("reads the next answer after one whose end came while its user wanted a pause", async () => {
  const engine = await startNamedEngine("one");
  const { connection, connected, ask, idle } = connectTo(engine.url);
  await connected;
  expect(await ask(true)).toBe(`{"engine":"one"}`);
  expect(idle()).toBe(1);
  expect(await ask(false)).toBe(`{"engine":"one"}`);
  expect(idle()).toBe(2);
  connection.destroy();
});
