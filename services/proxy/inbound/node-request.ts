import type { IncomingMessage, ServerResponse } from "node:http";
import { InboundRequest } from "./inbound-request.ts";

/** A request that Node's HTTP server has read. */
export function nodeRequest(message: IncomingMessage, response: ServerResponse): InboundRequest {
  const { method = "", url = "/", rawHeaders, socket } = message;
  const inbound = new InboundRequest(
    { method, url, rawHeaders, socket, clientAddress: socket.remoteAddress, body: message },
    response,
  );
  response.on("close", () => {
    if (!response.writableFinished) inbound.closed();
  });
  return inbound;
}
