import type * as pulumi from "@pulumi/pulumi";
import type { EngineType } from "../../platform/engines/registry.ts";
import type { EngineArgs } from "./engine-args.ts";
import * as engines from "./engine-list.ts";

/** A component that deploys all replica groups of one engine. */
export type EngineComponent = new (
  name: string,
  args: EngineArgs,
  opts?: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

/** The component of every engine type. */
export const engineComponents: Readonly<Record<EngineType, EngineComponent>> = { ...engines };
