import { PolicyPack } from "@pulumi/policy";
import { pulumiPolicies } from "../pulumi-adapter.ts";
import { policies } from "../registry.ts";
import { contextOfConfig } from "./config-context.ts";

// Constructing a pack starts its server: only Pulumi may import this file, an ordinary program would never end.
new PolicyPack("domino-inference", { policies: pulumiPolicies(policies, contextOfConfig) });
