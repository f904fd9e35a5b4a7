import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { PlatformError, type Problem } from "../platform/errors/platform-error.ts";

/** Namespace of the stack's own settings in `Pulumi.<stack>.yaml`, and name of the Pulumi project. */
export const settingsNamespace = "domino-inference";

const settingsSchema = z
  .strictObject({
    spec: z.string().min(1).optional(),
    kubeContext: z.string().min(1).optional(),
    kubeconfig: z.string().min(1).optional(),
    dominoApiKey: z.string().min(1).optional(),
  })
  .refine((settings) => settings.kubeContext === undefined || settings.kubeconfig === undefined, {
    path: ["kubeContext"],
    error: "kubeContext names a context of this machine's kubeconfig; it cannot be combined with kubeconfig",
  });

/** What a stack needs besides its platform spec: how to reach things, and the secrets for that. */
export interface StackSettings {
  /** Path of the platform spec. */
  readonly spec: string;
  /** Context of the machine's kubeconfig. Default: access as EKS grants it to the caller, by the AWS CLI. */
  readonly kubeContext?: string;
  /** A whole kubeconfig, for machines without one. */
  readonly kubeconfig?: pulumi.Output<string>;
  /** Key for Domino's API. Held as text because it is needed before resources exist; it never becomes an input. */
  readonly dominoApiKey?: string;
}

/**
 * Reads the settings of a stack.
 *
 * @param values the keys under `domino-inference:` without that prefix; default: those of the running Pulumi program
 * @throws PlatformError STACK_CONFIG_INVALID with every problem at once, without any value of a secret
 */
export function readStackSettings(
  stack: string = pulumi.getStack(),
  values: Readonly<Record<string, string>> = ownSettings(pulumi.runtime.allConfig()),
): StackSettings {
  const parsed = settingsSchema.safeParse(values);
  if (!parsed.success) {
    throw new PlatformError(parsed.error.issues.flatMap((issue) => problemsOf(issue, stack)));
  }
  const { spec, kubeContext, kubeconfig, dominoApiKey } = parsed.data;
  return {
    spec: spec ?? `stacks/${stack}.yaml`,
    ...(kubeContext === undefined ? {} : { kubeContext }),
    ...(kubeconfig === undefined ? {} : { kubeconfig: pulumi.secret(kubeconfig) }),
    ...(dominoApiKey === undefined ? {} : { dominoApiKey }),
  };
}

function ownSettings(all: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = `${settingsNamespace}:`;
  return Object.fromEntries(
    Object.entries(all)
      // Empty is absent: an optional key of Pulumi.yaml's schema must have a default, and this is theirs.
      .filter(([key, value]) => key.startsWith(prefix) && value !== "")
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

function problemsOf(issue: z.core.$ZodIssue, stack: string): Problem[] {
  const allowed = Object.keys(settingsSchema.shape).join(", ");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      code: "STACK_CONFIG_INVALID",
      path: `${settingsNamespace}:${key}`,
      message: `stack "${stack}" has no setting "${key}"`,
      allowed,
      remedy: `Remove it: pulumi config rm ${key} -s ${stack}`,
    }));
  }
  const key = issue.path.join(".");
  return [
    {
      code: "STACK_CONFIG_INVALID",
      path: `${settingsNamespace}:${key}`,
      message: issue.code === "too_small" ? `${key} of stack "${stack}" is empty` : issue.message,
    },
  ];
}
