import { expect, it } from "vitest";
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
  let idle = 0;
  const owner: ConnectionOwner = {
    onConnected: () => connected.resolve(undefined),
    onIdle: () => idle++,
    onClosed: () => undefined,
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
  return { connection, connected: connected.promise, ask, idle: () => idle };
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
