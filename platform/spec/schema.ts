import { z } from "zod";
import { addonsSchema, observabilitySchema } from "./add-on-schema.ts";
import { engineOptionSchemas } from "./engine-option-schemas.ts";
import { imageReference, label, registeredName, relativePath } from "./formats.ts";
import { modelSchema } from "./model-schema.ts";
import { proxySchema, unloadingSchema } from "./proxy-schema.ts";
import { runtimeSchemas } from "./runtime-schema.ts";
import { storageSchema } from "./storage-schema.ts";
import { engineProfiles } from "../engines/registry.ts";
import { bandwidthSchema, memorySchema, priceSchema } from "./quantities.ts";

const existingClusterSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{3,32}$/, { error: "expected 3 to 32 lower-case letters, digits and dashes" }),
    region: z
      .string()
      .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, { error: "expected an AWS region such as us-west-2" }),
    accountId: z.string().regex(/^\d{12}$/, { error: "expected the 12 digits of an AWS account, in quotes" }),
    oidcIssuer: z
      .string()
      .regex(/^oidc\.eks\.[a-z0-9-]+\.amazonaws\.com\/id\/[A-Z0-9]+$/, {
        error: "expected the issuer without https://, such as oidc.eks.us-west-2.amazonaws.com/id/ABC",
      })
      .describe("The cluster's OIDC issuer, which IRSA trust policies name."),
    nodeSecurityGroup: z
      .string()
      .regex(/^sg-[0-9a-f]{8,17}$/, { error: "expected a security group id such as sg-0abc1234" })
      .describe("Domino's node security group: the only one that its EFS admits on port 2049."),
    nodeRoleArn: z
      .string()
      .regex(/^arn:aws[\w-]*:iam::\d{12}:role\/.+$/, { error: "expected the ARN of an IAM role" })
      .optional()
      .describe("Role of the GPU nodes. Default: <name>-eks-nodes, the role of Domino's own node groups."),
    privateSubnets: z
      .array(
        z.strictObject({
          id: z
            .string()
            .regex(/^subnet-[0-9a-f]{8,17}$/, { error: "expected a subnet id such as subnet-0abc1234" }),
          cidr: z
            .string()
            .regex(/^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/, { error: "expected a CIDR such as 10.0.64.0/19" }),
        }),
      )
      .min(1)
      .describe("Where GPU nodes and EFS mount targets live."),
    kmsKeyArn: z
      .string()
      .regex(/^arn:aws[\w-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, { error: "expected the ARN of a KMS key" })
      .describe("The deployment's key: encrypts node disks and Domino's buckets."),
    efs: z
      .strictObject({
        fileSystemId: z
          .string()
          .regex(/^fs-[0-9a-f]{8,17}$/, { error: "expected a file system id such as fs-0abc1234" }),
      })
      .optional()
      .describe("Domino's shared file system; needed where an engine loads from a dataset."),
  })
  .describe("An EKS cluster on which Domino already runs.");

const acceleratorsSchema = z.strictObject({
  use: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      "Default: every card of the catalog, and those of custom. Slices of cards and CPU only where named here.",
    ),
  limits: z
    .record(z.string(), z.int().min(0))
    .optional()
    .describe("Cards, slices or CPU shares there are per accelerator. Default: unlimited."),
  custom: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, {
          error: "expected a name such as MI300X, at most 40 letters, digits, dots, underscores and dashes",
        }),
        memory: memorySchema,
        memoryBandwidth: bandwidthSchema,
        dense16BitTflops: z.number().positive(),
        source: z.string().min(1),
        instanceTypes: z
          .array(
            z.strictObject({
              name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,39}$/, {
                error: "expected an instance type such as g6e.12xlarge",
              }),
              gpus: z.int().min(1).max(64),
              vcpus: z.int().min(1),
              memory: memorySchema,
              maxPods: z.int().min(4).default(110),
              price: priceSchema,
            }),
          )
          .min(1),
      }),
    )
    .optional()
    .describe("Accelerators that the catalog does not have, with the instance types that carry them."),
});

const engineSchema = z.strictObject({
  name: label(40),
  type: z.string().describe(`${Object.keys(engineProfiles).join(", ")}.`),
  namespace: label(63).optional().describe("Default: domino-inference-<stage>."),
  image: imageReference.optional().describe("Default: the engine profile's image."),
  deployment: z
    .enum(["standalone", "operator", "helm"])
    .optional()
    .describe(
      "standalone: plain workloads. operator: a custom resource. helm: the engine's own chart. Default: the engine's first.",
    ),
  loading: z
    .enum(["preload", "on-demand"])
    .optional()
    .describe("preload: models are loaded at start. on-demand: by the proxy on first use. Default: preload."),
  unloading: unloadingSchema.optional(),
  dataPlane: label(63)
    .optional()
    .describe(
      "Domino data plane that it runs in, which requests name by header. Default: that of the proxy.",
    ),
  storage: storageSchema,
  replicas: z.int().min(1).max(1000).optional().describe("Replicas of an engine whose models share servers."),
  ...runtimeSchemas,
  ...engineOptionSchemas("engine"),
  models: z.array(modelSchema).min(1),
});

const dominoSchema = z.strictObject({
  apiHost: z
    .url({ protocol: /^https?$/, error: "expected an http or https address" })
    .optional()
    .describe("Base URL of the Domino API."),
  datasets: z
    .array(
      z.strictObject({
        name: registeredName,
        owner: z.string().min(1),
        project: z.string().min(1),
        resourceId: z
          .uuid({ error: "expected the UUID of the snapshot's folder under filecache/" })
          .optional()
          .describe("Folder of the snapshot on EFS. Default: looked up by the Domino API."),
      }),
    )
    .optional(),
  roles: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[\w+=,.@-]{1,40}$/, { error: "expected at most 40 letters, digits and _+=,.@-" }),
        bucket: z
          .string()
          .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: "expected a bucket without s3://" }),
        prefix: relativePath,
        access: z.enum(["read", "read-write"]),
      }),
    )
    .optional()
    .describe("IAM roles for Domino users, each for one prefix of one bucket."),
  users: z
    .array(
      z.strictObject({
        user: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, {
          error: "expected a Domino user name, at most 63 letters, digits, dots, underscores and dashes",
        }),
        role: z.string(),
      }),
    )
    .optional()
    .describe("Domino users whose runs get a role."),
  mutation: z
    .strictObject({
      labelSelectors: z.array(z.string().min(1)).min(1),
    })
    .optional()
    .describe('Runs that the user mapping applies to. Default: ["dominodatalab.com/workload-engine=cg2"].'),
});

const purchaseForm = { error: "expected on-demand, or {kind: spot or reserved, priceFraction: 0.4}" };
/** No catalog has prices of spot nodes, which change by the hour, nor of reservations, which are in a contract. */
const purchaseSchema = z.union(
  [
    z.literal("on-demand"),
    z.strictObject({
      kind: z.enum(["spot", "reserved"]),
      priceFraction: z
        .number()
        .positive()
        .max(1)
        .describe("What a node costs as a share of the on-demand price."),
      mostNodes: z
        .record(z.string(), z.int().min(0))
        .optional()
        .describe("Nodes there are of each instance type, and of no other. Default: any, without limit."),
    }),
  ],
  purchaseForm,
);

/** The platform spec: one YAML file a stack. Cross-field rules are in `rules.ts`. */
export const platformSpecSchema = z
  .strictObject({
    apiVersion: z.literal("domino-inference/v1"),
    kind: z.literal("Platform"),
    metadata: z.strictObject({
      name: label(30),
      stage: z.enum(["dev", "test", "prod", "local"]),
    }),
    catalog: z.string().describe("Version of prices and hardware facts, such as 2026-11."),
    cluster: z.strictObject({ existing: existingClusterSchema }).optional(),
    accelerators: acceleratorsSchema.optional(),
    nodes: z
      .strictObject({
        provisioner: z.literal("managed-node-groups"),
        purchase: z.array(purchaseSchema).min(1).max(3).default(["on-demand"]),
        mostSpotFraction: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe(
            "Largest share of each group's replicas planned on spot nodes, headroom aside. Default: 1.",
          ),
        headroom: z
          .number()
          .min(0)
          .max(2)
          .optional()
          .describe("Room for more replicas, as a share of each group's. Default: 0."),
      })
      .optional(),
    budget: priceSchema.optional().describe("Most that the nodes of the platform may cost an hour."),
    serviceClasses: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,19}$/, {
            error: "expected at most 20 letters, digits and dashes, beginning with a letter",
          }),
          priority: z.int().min(1).max(100),
        }),
      )
      .optional()
      .describe("1 is the most important. Free with priority 100 always exists."),
    domino: dominoSchema.optional(),
    proxy: proxySchema.optional(),
    addons: addonsSchema.optional(),
    observability: observabilitySchema.optional(),
    engines: z.array(engineSchema).min(1),
  })
  .meta({ title: "Domino inference platform", description: "One declarative spec per stack." });

/** A spec as read: units parsed (durations in ms, rates per minute, memory in GiB, prices in USD/h). */
export type PlatformSpec = z.output<typeof platformSpecSchema>;
export type EngineSpec = PlatformSpec["engines"][number];
export type ModelSpec = EngineSpec["models"][number];
export type ExistingClusterSpec = NonNullable<PlatformSpec["cluster"]>["existing"];
export type Stage = PlatformSpec["metadata"]["stage"];
