import type { AddonName } from "../../platform/engines/addon-name.ts";

/**
 * `install`: the stack installs the add-on and removes it again. `present`: the cluster has it, and others look after
 * it; the stack only makes sure that it is there.
 */
export type AddonMode = "install" | "present";

/** What is done for each add-on that a platform uses. */
export type AddonModes = Readonly<Partial<Record<AddonName, AddonMode>>>;
