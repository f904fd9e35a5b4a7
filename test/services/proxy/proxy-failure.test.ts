import { describe, expect, it } from "vitest";
import { ProxyFailure } from "../../../services/proxy/proxy-failure.ts";

describe("a failure of the proxy", () => {
  it.each(["RATE_LIMITED", "QUEUE_FULL"] as const)("%s is 429 and may say when to try again", (code) => {
    const failure = new ProxyFailure(code, undefined, { retryAfterSeconds: 7 });
    expect(failure.status).toBe(429);
    expect(failure.retryAfterSeconds).toBe(7);
  });

  it("says nothing of another try where nobody knows", () => {
    const cause = new Error("connect ECONNREFUSED");
    const failure = new ProxyFailure("ENGINE_UNREACHABLE", undefined, { cause });
    expect(failure.retryAfterSeconds).toBeUndefined();
    expect(failure.cause).toBe(cause);
  });
});
