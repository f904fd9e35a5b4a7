import { describe, expect, test } from "vitest";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { proxyProblems } from "../../../../platform/spec/rules/proxy.ts";

const problemsOf = (proxy: unknown, rest: Raw = {}) =>
  proxyProblems({ metadata: { stage: "dev" }, engines: [{ type: "triton" }], proxy, ...rest });

describe("a proxy", () => {
  test.each([
    [undefined],
    [{ image: "proxy:1" }],
    [{ replicas: 3, auth: "none" }],
    [{ autoscaling: { maxReplicas: 2 }, auth: ["domino", { kind: "jwt" }, { kind: "token" }] }],
    [{ grpc: true, callerRate: { requests: "1/s" }, keyRate: { tokens: "1/s" } }],
    [{ auth: [{ kind: "jwt", jwksUrl: "http://keys.login.svc/keys" }] }],
    [{ auth: [{ kind: "jwt", jwksUrl: "https://login.example.com/keys" }] }],
  ])("that agrees with itself raises nothing: %j", (proxy) => {
    expect(problemsOf(proxy)).toEqual([]);
  });

  test("of the wrong types is the schema's to report", () => {
    expect(problemsOf({ auth: [5, null, {}], autoscaling: "yes", grpc: "yes", callerRate: 5 })).toEqual([]);
  });

  test("has replicas, or an autoscaler that decides about them", () => {
    expect(problemsOf({ replicas: 2, autoscaling: { maxReplicas: 4 } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", "replicas"],
        atKey: true,
        message: "replicas and autoscaling are both given",
        allowed: "one of them",
      },
    ]);
  });

  test.each([
    [{ maxReplicas: 1 }, "at most 1 replicas cannot be at least 2", 2],
    [{ minReplicas: 5, maxReplicas: 3 }, "at most 3 replicas cannot be at least 5", 5],
  ])("does not grow to fewer than it begins with: %j", (autoscaling, message, least) => {
    expect(problemsOf({ autoscaling })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", "autoscaling", "maxReplicas"],
        message,
        allowed: `at least ${least}, or a smaller minReplicas`,
      },
    ]);
  });

  test("has each way to tell callers once", () => {
    expect(problemsOf({ auth: ["domino", { kind: "jwt" }, "domino", { kind: "jwt" }] })).toEqual([
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["proxy", "auth", 2],
        message: "domino is already listed at index 0",
      },
      {
        code: "SPEC_NAME_DUPLICATE",
        path: ["proxy", "auth", 3],
        message: "jwt is already listed at index 1",
      },
    ]);
  });

  test("takes no keys that anybody on the way could have put there", () => {
    expect(problemsOf({ auth: [{ kind: "jwt", jwksUrl: "http://login.example.com:8080/keys" }] })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", "auth", 0, "jwksUrl"],
        message: "keys of login.example.com:8080 over plain HTTP could be anybody's",
        allowed: "https, or the Service of an issuer in the cluster: http://name.namespace.svc…",
      },
    ]);
  });

  test.each([
    ["callerRate", "a rate for each caller"],
    ["keyRate", "a rate for each key of a caller"],
  ])("that lets everyone in cannot tell callers apart: %s", (key, what) => {
    expect(problemsOf({ auth: "none", [key]: { requests: "1/s" } })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", key],
        atKey: true,
        message: `${what} needs to know the caller, and proxy.auth is none`,
        allowed: "no such key, or proxy.auth with a way to tell callers",
      },
    ]);
    const local = { metadata: { stage: "local" } };
    expect(problemsOf({ [key]: { requests: "1/s" } }, local)).toMatchObject([
      {
        path: ["proxy", key],
        message: `${what} needs to know the caller, and at stage local the proxy asks nobody who he is`,
      },
    ]);
  });

  test("speaks gRPC to engines that do", () => {
    expect(problemsOf({ grpc: true }, { engines: [{ type: "vllm" }] })).toEqual([
      {
        code: "SPEC_VALUE_CONFLICT",
        path: ["proxy", "grpc"],
        message: "no engine of the platform speaks gRPC",
        allowed: "false, or an engine of type triton",
      },
    ]);
    expect(problemsOf({ grpc: true }, { engines: [{ type: "vllm" }, { type: "triton" }] })).toEqual([]);
    expect(problemsOf({ grpc: true }, { engines: [{ type: "another" }] })).toEqual([]);
  });
});
