import type { ServerPlan } from "../../../platform/plan/platform-plan.ts";

/** A POST to the proxy. */
export interface ServerRequest {
  /** Relative to the proxy's base URL, with a leading slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The answer is an event stream that must end with `[DONE]`. */
  readonly streams: boolean;
}

/** The request that loads one server of a plan, in the native protocol of its engine; the same every time. */
export function requestFor(server: ServerPlan): ServerRequest {
  const headers = {
    "content-type": "application/json",
    "x-service-class": server.serviceClass,
    "x-inference-server": server.engine,
    "x-model-version": server.version,
  };
  if (server.task === "generation") {
    return { path: "/v1/chat/completions", headers, body: JSON.stringify(chatBody(server)), streams: true };
  }
  const model = encodeURIComponent(server.model);
  const path = `/v2/models/${model}/versions/${encodeURIComponent(server.version)}/infer`;
  return { path, headers, body: JSON.stringify(inferBody), streams: false };
}

function chatBody({ model, load }: ServerPlan): object {
  const promptTokens = Math.max(1, Math.round(load.inputTokens));
  return {
    model,
    // The emulator counts four characters a token.
    messages: [{ role: "user", content: "load".repeat(promptTokens) }],
    max_tokens: Math.max(1, Math.round(load.outputTokens)),
    stream: true,
  };
}

const inferBody = {
  inputs: [
    {
      name: "input_ids",
      shape: [1, 8],
      datatype: "INT64",
      data: [101, 2023, 2003, 1037, 7099, 6251, 1012, 102],
    },
  ],
};
