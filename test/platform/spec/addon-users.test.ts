import { describe, expect, test } from "vitest";
import { addonUsers } from "../../../platform/spec/addon-users.ts";
import type { Raw } from "../../../platform/spec/raw.ts";

const scaled = { autoscaling: { maxReplicas: 4 } };
const usersOf = (spec: Raw) => Object.fromEntries(addonUsers({ metadata: { stage: "dev" }, ...spec }));
const engine = (rest: Raw) => [{ name: "chat", type: "vllm", ...rest }];

describe("an add-on is used", () => {
  test("by nothing that does without", () => {
    expect(usersOf({ engines: engine({}) })).toEqual({});
  });

  test("by the autoscaling of an engine or of one of its models, with the monitors that measure it", () => {
    const users = {
      keda: 'autoscaling of engine "chat"',
      prometheusOperator: 'autoscaling of engine "chat"',
    };
    expect(usersOf({ engines: engine(scaled) })).toEqual(users);
    expect(usersOf({ engines: engine({ models: [scaled] }) })).toEqual(users);
  });

  test("by a HorizontalPodAutoscaler, but for KEDA", () => {
    expect(usersOf({ engines: engine({ autoscaling: { maxReplicas: 4, scaler: "hpa" } }) })).toEqual({
      prometheusOperator: 'autoscaling of engine "chat"',
    });
  });

  test("by monitors", () => {
    expect(usersOf({ observability: { podMonitors: {} } })).toEqual({
      prometheusOperator: "observability.podMonitors",
    });
  });

  test("by an engine that needs it for itself", () => {
    expect(usersOf({ engines: engine({ models: [{ nodesPerReplica: 2 }] }) })).toEqual({
      leaderWorkerSet: 'engine "chat"',
    });
  });

  test("by nobody without a cluster", () => {
    expect(usersOf({ metadata: { stage: "local" }, engines: engine(scaled) })).toEqual({});
  });

  test("is named with the first that needs it", () => {
    const engines = [...engine(scaled), { name: "late", type: "vllm", ...scaled }];
    expect(usersOf({ engines }).keda).toBe('autoscaling of engine "chat"');
  });
});
