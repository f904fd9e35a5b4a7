import { createServer, type AddressInfo, type Server } from "node:net";

/** TCP ports of 127.0.0.1 that were free a moment ago. Whoever uses them checks that it was not overtaken. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  try {
    // All are held at once, so that no port comes twice.
    for (let index = 0; index < count; index++) {
      const server = createServer();
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(0, "127.0.0.1", resolve);
      });
      ports.push((server.address() as AddressInfo).port);
    }
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
  return ports;
}
