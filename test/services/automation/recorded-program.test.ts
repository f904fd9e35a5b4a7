import { core } from "@pulumi/kubernetes";
import { iam } from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { recordProgram } from "../../../services/automation/recorded-program.ts";
import { readableValue } from "../../../services/automation/wire-values.ts";

const identity = { project: "domino-inference", stack: "prod" };
const problem = new PlatformError([{ code: "STACK_DATASET_UNRESOLVED", message: "dataset models" }]);

class Group extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:test:Group", name, {}, opts);
    this.registerOutputs({});
  }
}

const stray: unknown[] = [];
const collectStray = (reason: unknown): void => void stray.push(reason);
beforeEach(() => void process.on("unhandledRejection", collectStray));
afterEach(() => void process.off("unhandledRejection", collectStray));

async function failureOf(program: () => Promise<Record<string, unknown>>): Promise<unknown> {
  return recordProgram(identity, program).then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("records every resource with the URN and the parent of a real update, sorted by URN", async () => {
  const { resources } = await recordProgram(identity, async () => {
    const outer = new Group("outer");
    const inner = new Group("inner", { parent: outer });
    new core.v1.ConfigMap("config", { data: { key: "value" } }, { parent: inner });
    return {};
  });
  const urn = (rest: string) => `urn:pulumi:prod::domino-inference::${rest}`;
  const [stack, outer, inner] = [
    urn("pulumi:pulumi:Stack::domino-inference-prod"),
    urn("domino-inference:test:Group::outer"),
    urn("domino-inference:test:Group$domino-inference:test:Group::inner"),
  ];
  expect(resources.map((resource) => [resource.urn, resource.parent])).toEqual([
    [
      urn("domino-inference:test:Group$domino-inference:test:Group$kubernetes:core/v1:ConfigMap::config"),
      inner,
    ],
    [inner, outer],
    [outer, stack],
    [stack, undefined],
  ]);
  expect(resources[0]).toMatchObject({
    type: "kubernetes:core/v1:ConfigMap",
    name: "config",
    wireInputs: { apiVersion: "v1", kind: "ConfigMap", data: { key: "value" } },
  });
});

test("gives readable placeholders for what only a cloud could know, and unknown for the rest", async () => {
  const { wireOutputs } = await recordProgram(identity, async () => {
    const role = new iam.Role("reader", { assumeRolePolicy: "{}" });
    return {
      arn: role.arn,
      id: role.id,
      uniqueId: role.uniqueId,
      sentence: pulumi.interpolate`role ${role.arn}`,
    };
  });
  expect(readableValue(wireOutputs)).toEqual({
    arn: "<arn:reader>",
    id: "<id:reader>",
    uniqueId: "<unknown>",
    sentence: "role <arn:reader>",
  });
});

test("masks a secret that went through an apply into another resource", async () => {
  const recorded = await recordProgram(identity, async () => {
    const password = pulumi.secret("s3cr3t");
    new core.v1.ConfigMap("config", { data: { url: pulumi.interpolate`https://user:${password}@host` } });
    return { list: [{ password }] };
  });
  const readable = [recorded.wireOutputs, ...recorded.resources.map(({ wireInputs }) => wireInputs)].map(
    readableValue,
  );
  expect(JSON.stringify(readable)).not.toContain("s3cr3t");
  expect(readable[0]).toEqual({ list: [{ password: "<secret>" }] });
});

test("throws the platform error of the program unchanged", async () => {
  const failure = await failureOf(async () => {
    throw problem;
  });
  expect(failure).toBe(problem);
});

test("throws the platform error of an apply unchanged, and leaves no rejection behind", async () => {
  const failure = await failureOf(async () => {
    pulumi.output("now").apply(() => {
      throw problem;
    });
    return {};
  });
  expect(failure).toBe(problem);
  expect(stray).toEqual([]);
});

test("throws the platform error of an apply that an input and an output wait for", async () => {
  const failure = await failureOf(async () => {
    const value = pulumi.output("now").apply((): string => {
      throw problem;
    });
    const map = new core.v1.ConfigMap("config", { data: { value } });
    return { name: map.metadata.name };
  });
  expect(failure).toBe(problem);
  expect(stray).toEqual([]);
});

test("says in one coded sentence what else went wrong, with the error as its cause", async () => {
  const fault = new pulumi.InputPropertyError({ propertyPath: "replicas", reason: "replicas=0 is below 1" });
  const failure = await failureOf(async () => {
    throw fault;
  });
  expect(PlatformError.is(failure)).toBe(true);
  expect(failure).toMatchObject({
    problems: [{ code: "ENGINE_OPERATION_FAILED", message: "the program failed: replicas=0 is below 1" }],
    cause: fault,
  });
});

test("refuses two resources of one URN, as the engine does", async () => {
  const failure = await failureOf(async () => {
    new Group("twin");
    new Group("twin");
    return {};
  });
  expect(String(failure)).toContain(
    "two resources have the URN urn:pulumi:prod::domino-inference::domino-inference:test:Group::twin",
  );
});

test("runs that overlap do not see each other, and a failed one does not spoil the next", async () => {
  const program = (name: string) => async () => {
    new Group(name);
    return { name };
  };
  const [first, failed, second] = await Promise.allSettled([
    recordProgram({ ...identity, stack: "dev" }, program("first")),
    recordProgram(identity, () => Promise.reject(problem)),
    recordProgram(identity, program("second")),
  ]);
  expect(failed).toEqual({ status: "rejected", reason: problem });
  const urns = [first, second].map((run) =>
    run.status === "fulfilled" ? run.value.resources.map(({ urn }) => urn) : run.reason,
  );
  expect(urns).toEqual([
    [
      "urn:pulumi:dev::domino-inference::domino-inference:test:Group::first",
      "urn:pulumi:dev::domino-inference::pulumi:pulumi:Stack::domino-inference-dev",
    ],
    [
      "urn:pulumi:prod::domino-inference::domino-inference:test:Group::second",
      "urn:pulumi:prod::domino-inference::pulumi:pulumi:Stack::domino-inference-prod",
    ],
  ]);
});

test("puts other listeners of rejections back in place", async () => {
  const before = process.listeners("unhandledRejection");
  await recordProgram(identity, async () => ({}));
  expect(process.listeners("unhandledRejection")).toEqual(before);
});
