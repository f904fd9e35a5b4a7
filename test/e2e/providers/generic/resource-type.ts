import { randomBytes, randomUUID } from "node:crypto";
import type { CloudAccount } from "./cloud-account.ts";

/** What a resource's outputs are made of. */
export interface ResourceFacts {
  readonly account: CloudAccount;
  /** Secrets in clear. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Name in the cloud; empty for types without one. */
  readonly name: string;
}

/** What the stand-in knows of a type of resource. */
export interface ResourceType {
  /** Property that holds the name in the cloud, which is made up where the program gives none. */
  readonly nameProperty?: string;
  /** Its prefix, for names that the cloud completes. */
  readonly prefixProperty?: string;
  readonly nameMaxLength?: number;
  /** Properties, with dots where they are nested, whose change needs a new resource; everything else changes in place. */
  readonly replacedBy: readonly string[];
  /** Has `tags`, with those of the provider under `tagsAll`. */
  readonly tagged?: true;
  /** What has to be unique, and what the cloud says of a second one. Default: nothing but the id. */
  readonly unique?: {
    readonly key: (facts: ResourceFacts) => string;
    readonly refusal: (key: string) => string;
  };
  /** A second one of the same id takes the place of the first, as where the cloud's call is a put. */
  readonly overwrites?: true;
  readonly id: (facts: ResourceFacts) => string;
  /** Outputs beside the inputs, at creation. */
  readonly outputs: (facts: ResourceFacts, id: string) => Readonly<Record<string, unknown>>;
  /** Outputs that an update changes by itself. */
  readonly updated?: (before: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
}

export function text(facts: ResourceFacts, property: string): string {
  const value = facts.inputs[property];
  return typeof value === "string" ? value : "";
}

export function randomHex(length: number): string {
  return randomBytes(Math.ceil(length / 2))
    .toString("hex")
    .slice(0, length);
}

/** As IAM writes the ids of roles: `AROA` and 17 capitals and digits. */
export function randomCapitals(length: number): string {
  return randomUUID().replaceAll("-", "").toUpperCase().slice(0, length);
}
