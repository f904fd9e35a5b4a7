import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { seededRandom, type Random } from "../../../optimizer/simulation/random.ts";
import { startTestProxy, table, target, tritonServer } from "./testbed.ts";

/** Bytes behind an answer, which nobody may get. */
const poison = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"poison"}`;

const head = (...lines: string[]): string =>
  ["HTTP/1.1 200 OK", "Content-Type: application/json", ...lines, "", ""].join("\r\n");

/** What an engine may send for a request whose answer would be `body`. `cut`: it breaks the connection then. */
const answers: readonly ((body: string) => { readonly text: string; readonly cut?: true })[] = [
  (body) => ({ text: head(`Content-Length: ${body.length}`) + body }),
  (body) => ({
    text: head("Transfer-Encoding: chunked") + `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  }),
  (body) => ({ text: head(`Content-Length: ${body.length}`) + body + poison }),
  (body) => ({ text: head(`Content-Length: ${body.length}`, "Content-Length: 3") + body + poison }),
  (body) => ({ text: head(`Content-Length: ${body.length}`, "Transfer-Encoding: chunked") + body + poison }),
  (body) => ({ text: head("Content-Length: 3") + body + poison }),
  (body) => ({ text: head(`Content-Length: ${body.length + 100}`) + body, cut: true }),
  (body) => ({ text: head("Transfer-Encoding: chunked") + `2\r\n${body}\r\n0\r\n\r\n${poison}` }),
  (body) => ({ text: head("Transfer-Encoding: chunked") + `fffffffffffff\r\n${body}`, cut: true }),
  (body) => ({
    text: head("Transfer-Encoding: chunked") + `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${poison}`,
  }),
  (body) => ({ text: head("Content-Length : 5", `Content-Length: ${body.length}`) + body }),
  (body) => ({ text: head(`X-A: b\nContent-Length: 3`, `Content-Length: ${body.length}`) + body + poison }),
  (body) => ({ text: head(`Content-Length: ${body.length}`).replace("json", "json\x01") + body }),
  (body) => ({ text: head(`Content-Length: ${body.length}`, "Cache-Control: a\0b") + body }),
  (body) => ({
    text: `${"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n".repeat(500)}${head(`Content-Length: ${body.length}`)}${body}`,
  }),
  (body) => ({
    text: `HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n${head(`Content-Length: ${body.length}`)}${body}`,
  }),
  () => ({ text: `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(20_000)}` }),
  () => ({ text: `HTTP/1.1 204 No\r\n\r\n${poison}` }),
  () => ({ text: `HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n${poison}` }),
  () => ({ text: `HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n` }),
  (body) => ({ text: `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n${body}`, cut: true }),
  () => ({ text: "SSH-2.0-OpenSSH_9.6\r\n", cut: true }),
  () => ({ text: "", cut: true }),
  () => ({ text: "HTTP/1.1 200", cut: true }),
  () => ({ text: "HTTP/1.1 999 No\r\n\r\n" }),
  (body) => ({
    text: `HTTP/1.1 500 Bad\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  }),
];

/** Answers each request on a connection in one of these ways, in reads of any size. */
async function startHostileEngine(random: Random): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = "";
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received += String(chunk);
      const [, number] = /"number":(\d+)\}+$/.exec(received) ?? [];
      if (number === undefined) return;
      received = "";
      const chosen = answers[Math.floor(random() * answers.length)];
      const { text, cut } = chosen?.(`{"number":${number}}`) ?? { text: "" };
      // Within the head: what is sent apart from an answer that was complete is, in HTTP/1.1, the next one.
      const middle = Math.floor(random() * (text.indexOf("\r\n\r\n") + 1));
      socket.write(text.slice(0, middle), "latin1");
      setImmediate(() => {
        socket.write(text.slice(middle), "latin1");
        if (cut) socket.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("never lets an engine that lies about its answers harm a request but that it answers", async () => {
  const random = seededRandom(11, "hostile engine");
  const url = await startHostileEngine(random);
  const model = {
    name: "bert",
    versions: [{ version: "1", weight: 100, targets: [target([url], { timeoutMs: 5_000 })] }],
  };
  const proxy = await startTestProxy(table(tritonServer([], { models: [model] })));
  const statuses = new Map<number, number>();
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < 2_000) {
      const number = next++;
      const payload = { number };
      const answer = number % 2 ? proxy.predict({ payload }) : proxy.post("/v2/models/bert/infer", payload);
      const { status, text } = await answer
        .then(async (response) => ({ status: response.status, text: await response.text() }))
        // The answer of a native path was broken off: the client sees that it is not complete.
        .catch(() => ({ status: 0, text: "" }));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(text).not.toContain("poison");
      const found = /"number":(\d+)/.exec(text)?.[1];
      if (found !== undefined) expect(Number(found)).toBe(number);
      // An error of the engine's own comes with its status; the proxy itself has none but these.
      if (status === 500) expect(text).toMatch(/^(\{"status_code":500,"result":)?\{"number":/);
      else expect([0, 200, 204, 502]).toContain(status);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  expect(statuses.get(200)).toBeGreaterThan(100);
  expect(statuses.get(502)).toBeGreaterThan(100);
  expect(proxy.logged.filter(({ code }) => code === "INTERNAL")).toEqual([]);
}, 60_000);
