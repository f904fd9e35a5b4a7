import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import main from "../../index.ts";
import { readStackSettings, settingsNamespace } from "../../stacks/stack-settings.ts";
import { resourcesOf } from "../components/support/resources-of.ts";

const project = parse(readFileSync("Pulumi.yaml", "utf8"));

describe("the Pulumi project", () => {
  test("runs index.ts on Node's own type stripping, under the name that its settings begin with", () => {
    expect(project).toMatchObject({
      name: settingsNamespace,
      main: "index.ts",
      runtime: { name: "nodejs", options: { typescript: false } },
    });
  });

  test("describes the settings that may stand in clear, each with a default: the engine demands the others", () => {
    expect(Object.keys(project.config)).toEqual(["spec", "kubeContext"]);
    for (const setting of Object.values(project.config))
      expect(setting).toMatchObject({
        type: "string",
        description: expect.stringMatching(/.+/),
        default: "",
      });
  });

  test("has defaults that the program takes for absent", () => {
    pulumi.runtime.setAllConfig({ "domino-inference:spec": "", "domino-inference:kubeContext": "" });
    expect(readStackSettings("dev")).toEqual({ spec: "stacks/dev.yaml" });
    pulumi.runtime.setAllConfig({});
  });

  test.each(["dev", "test", "prod"])(
    "has stack %s, whose settings are valid and name a spec that exists",
    (stack) => {
      const { config } = parse(readFileSync(`Pulumi.${stack}.yaml`, "utf8"));
      const own = Object.fromEntries(
        Object.entries<string>(config).map(([key, value]) => [
          key.replace(`${settingsNamespace}:`, ""),
          value,
        ]),
      );
      const settings = readStackSettings(stack, own);
      expect(existsSync(settings.spec)).toBe(true);
    },
  );
});

describe("index.ts", () => {
  afterEach(() => pulumi.runtime.setAllConfig({}));

  test("is short, and does nothing when it is imported", () => {
    expect(readFileSync("index.ts", "utf8").split("\n").length).toBeLessThan(60);
    expect(main).toBeTypeOf("function");
  });

  test("deploys the stack's platform and returns its outputs", async () => {
    let outputs: unknown;
    pulumi.runtime.setAllConfig({ "domino-inference:spec": "stacks/dev.yaml" });
    const resources = await resourcesOf(async () => {
      outputs = await main();
    });
    expect(resources.length).toBeGreaterThan(50);
    expect(outputs).toMatchObject({ contract: "domino-inference/outputs/v1", platform: "acme-dev" });
  });

  test("reports what a user can correct without a stack trace", async () => {
    pulumi.runtime.setAllConfig({ "domino-inference:spec": "stacks/missing.yaml" });
    const error = await resourcesOf(() => main()).catch((thrown: unknown) => thrown);
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(/^SPEC_FILE_NOT_FOUND cannot read stacks\/missing\.yaml/);
  });
});
