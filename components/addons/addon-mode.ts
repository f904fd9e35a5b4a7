/**
 * `install`: the stack installs the add-on and removes it again. `present`: the cluster has it, and others look after
 * it; the stack only makes sure that it is there.
 */
export type AddonMode = "install" | "present";
