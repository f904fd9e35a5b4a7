import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { renderProgress } from "../../../services/automation/engine-progress.ts";
import { EngineStack } from "../../../services/automation/engine-stack.ts";
import { findEngine } from "../providers/engine-fixture.ts";
import { suite } from "../requires.ts";

const engine = await findEngine();

class Thing extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:test:Thing", name, {}, opts);
    this.registerOutputs({});
  }
}

// Components need no provider plugin, so that the engine alone is enough.
suite("a stack on the real engine", [engine.need], () => {
  let folder: string;
  let things: readonly string[] = [];
  let disturbance: () => Promise<void> = async () => undefined;
  let stack: EngineStack;

  function engineStack(name: string): EngineStack {
    return new EngineStack({
      project: "domino-inference",
      stack: name,
      workDir: folder,
      backendUrl: `file://${folder}`,
      cli: engine.cli as PulumiCommand,
      program: async () => {
        for (const thing of things) new Thing(thing);
        await disturbance();
        const spec = pulumi.runtime.allConfig()["domino-inference:spec"];
        return { spec, password: pulumi.secret("s3cr3t") };
      },
    });
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "engine-stack-"));
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "passphrase");
    vi.stubEnv("PULUMI_SKIP_UPDATE_CHECK", "true");
    await writeFile(join(folder, "Pulumi.dev.yaml"), "config:\n  domino-inference:spec: stacks/dev.yaml\n");
    stack = engineStack("dev");
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  async function failure(operation: Promise<unknown>): Promise<PlatformError> {
    const error: unknown = await operation.catch((thrown: unknown) => thrown);
    if (!PlatformError.is(error)) throw new Error("expected a platform error", { cause: error });
    return error;
  }

  test("a stack that does not exist has no outputs and nothing to destroy", async () => {
    expect((await failure(stack.outputs())).code).toBe("STACK_UNKNOWN");
    expect((await failure(stack.destroy())).code).toBe("STACK_UNKNOWN");
  });

  test("previews, creates, changes and destroys, and tells each step as it happens", async () => {
    const lines: string[] = [];
    const onProgress = (event: Parameters<typeof renderProgress>[0]): void => {
      lines.push(renderProgress(event).replace(/ in \d+\.\d s$/, ""));
    };
    things = ["one", "two"];
    expect(await stack.preview({ onProgress })).toMatchObject({
      operation: "preview",
      changes: { create: 3 },
    });
    expect(lines.toSorted()).toEqual([
      "would create domino-inference-dev (pulumi:pulumi:Stack)",
      "would create one (domino-inference:test:Thing)",
      "would create two (domino-inference:test:Thing)",
    ]);

    expect(await stack.up()).toMatchObject({
      operation: "up",
      changes: { create: 3 },
      outputs: { spec: "stacks/dev.yaml", password: "<secret>" },
    });
    expect(await stack.outputs()).toEqual({ spec: "stacks/dev.yaml", password: "<secret>" });

    lines.length = 0;
    things = ["two"];
    expect(await stack.up({ onProgress })).toMatchObject({ changes: { delete: 1, same: 2 } });
    expect(lines).toEqual(["deleted one (domino-inference:test:Thing)"]);

    expect(await stack.destroy()).toMatchObject({ operation: "destroy", changes: { delete: 2 } });
    expect(await stack.outputs()).toEqual({});
  });

  test("throws the program's platform error unchanged", async () => {
    const problem = new PlatformError([{ code: "STACK_DATASET_UNRESOLVED", message: "dataset models" }]);
    disturbance = () => Promise.reject(problem);
    expect(await failure(stack.up())).toBe(problem);
  });

  test("says what a fault of the program was, without its stack", async () => {
    disturbance = () => Promise.reject(new TypeError("replicas is not a number"));
    const error = await failure(stack.up());
    expect(error.problems).toEqual([
      {
        code: "ENGINE_OPERATION_FAILED",
        message: 'up of stack "dev": the program failed: replicas is not a number',
      },
    ]);
  });

  test("stops on a signal, and reports the lock of an update that still runs without breaking it", async () => {
    const running = Promise.withResolvers<"running">();
    const over = new AbortController();
    disturbance = async () => {
      running.resolve("running");
      await setTimeout(20_000, undefined, { signal: over.signal }).catch(() => undefined);
    };
    const cancel = new AbortController();
    const first = failure(stack.up({ signal: cancel.signal }));
    await running.promise;
    const second = await failure(engineStack("dev").destroy());
    expect(second.message).toContain("another update holds the stack's lock");
    expect(second.message).toContain("pulumi cancel");
    cancel.abort();
    over.abort();
    expect((await first).message).toContain('up of stack "dev" was interrupted');
    disturbance = async () => undefined;
    expect(await stack.destroy()).toMatchObject({ operation: "destroy" });
  });
});
