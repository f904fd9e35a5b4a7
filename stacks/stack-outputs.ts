import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/** Version of what a stack exports. A change that breaks a reader gets a new one. */
export const stackOutputsContract = "domino-inference/outputs/v1";

const groupOutput = z.strictObject({
  name: z.string(),
  engine: z.string(),
  namespace: z.string(),
  accelerator: z.string(),
  gpusPerReplica: z.int(),
  replicas: z.int(),
  usdPerHour: z.number(),
});

/** What a deployed stack tells others: by `pulumi stack output`, a StackReference or the Automation API. */
export const stackOutputsSchema = z.strictObject({
  contract: z.literal(stackOutputsContract),
  platform: z.string(),
  stage: z.string(),
  /** The platform's own namespace first. */
  namespaces: z.array(z.string()).min(1),
  /** Base URL of the proxy, inside the cluster. */
  proxyUrl: z.url(),
  /** Secret, in the platform's own namespace, whose `ca.crt` verifies the proxy. */
  caSecret: z.string(),
  /** List price of the planned nodes. */
  usdPerHour: z.number(),
  groups: z.array(groupOutput),
  /** EKS node groups by node pool. */
  nodeGroups: z.record(z.string(), z.string()),
  /** IAM roles: `user/<role>` for Domino users, `engine/<engine>` for engines that load from S3. */
  roleArns: z.record(z.string(), z.string()),
});

export type StackOutputs = z.output<typeof stackOutputsSchema>;

/** The outputs while their values are still being made. */
export type StackOutputInputs = { readonly [Key in keyof StackOutputs]: pulumi.Input<StackOutputs[Key]> };
