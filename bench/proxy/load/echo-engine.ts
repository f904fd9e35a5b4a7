import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An engine that answers with the numbers of its first input, as they were written. */
export async function startEchoEngine(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const data = numbersOf(Buffer.concat(chunks).toString("latin1"));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"outputs":[{"name":"echo","datatype":"INT64","shape":[1],"data":[${data}]}]}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What stands between the brackets of `data`: text, since parsed numbers would be other ones. */
export function numbersOf(text: string): string {
  return /"data":\[([^\]]*)\]/.exec(text)?.[1] ?? "";
}
