import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { readStackSettings } from "../../stacks/stack-settings.ts";
import { present } from "../components/support/present.ts";

function problems(values: Record<string, string>) {
  try {
    readStackSettings("dev", values);
  } catch (error) {
    if (PlatformError.is(error)) return error.problems;
    throw error;
  }
  return [];
}

describe("the settings of a stack", () => {
  test("default to the spec that is called like the stack", () => {
    expect(readStackSettings("dev", {})).toEqual({ spec: "stacks/dev.yaml" });
  });

  test("are read from the program's own namespace of the Pulumi configuration", () => {
    pulumi.runtime.setAllConfig({
      "domino-inference:spec": "elsewhere.yaml",
      "domino-inference:kubeContext": "acme",
      "aws:region": "us-east-1",
    });
    expect(readStackSettings("dev")).toEqual({ spec: "elsewhere.yaml", kubeContext: "acme" });
  });

  test("hold a kubeconfig as a secret", async () => {
    const { kubeconfig } = readStackSettings("dev", { kubeconfig: "apiVersion: v1" });
    expect(await pulumi.isSecret(present(kubeconfig))).toBe(true);
  });

  test("are refused with an unknown key, the known ones and the command that removes it", () => {
    expect(problems({ kubecontext: "acme" })).toEqual([
      {
        code: "STACK_CONFIG_INVALID",
        path: "domino-inference:kubecontext",
        message: 'stack "dev" has no setting "kubecontext"',
        allowed: "spec, kubeContext, kubeconfig, dominoApiKey",
        remedy: "Remove it: pulumi config rm kubecontext -s dev",
      },
    ]);
  });

  test("are refused where two ways to the cluster contradict each other", () => {
    expect(problems({ kubeContext: "acme", kubeconfig: "secret-content" })).toMatchObject([
      { code: "STACK_CONFIG_INVALID", path: "domino-inference:kubeContext" },
    ]);
  });

  test("are refused where a value is empty, all at once and without any secret", () => {
    const found = problems({ spec: "", dominoApiKey: "", kubeconfig: "secret-content" });
    expect(found.map(({ path }) => path)).toEqual(["domino-inference:spec", "domino-inference:dominoApiKey"]);
    expect(JSON.stringify(found)).not.toContain("secret-content");
  });
});
