import type { MissedTarget } from "./offers.ts";

/** Why a server gets nothing, or less than it needs. */
export type UnservedReason =
  | { readonly kind: "class-undefined"; readonly serviceClass: string }
  | { readonly kind: "model-without-target"; readonly serviceClass: string; readonly model: string }
  | {
      readonly kind: "model-without-accelerator";
      readonly model: string;
      /** Accelerators that it has performance data for, but that the system does not have. */
      readonly undefinedAccelerators: readonly string[];
    }
  /** It must stay on its accelerator, which cannot serve it. */
  | { readonly kind: "kept-accelerator"; readonly accelerator: string }
  | { readonly kind: "targets"; readonly missed: readonly MissedTarget[] }
  | { readonly kind: "too-large"; readonly accelerators: readonly string[] }
  | { readonly kind: "capacity" }
  | { readonly kind: "time-limit" };

/** One sentence for people. */
export function explainReason(reason: UnservedReason): string {
  switch (reason.kind) {
    case "class-undefined":
      return `service class "${reason.serviceClass}" is not defined`;
    case "model-without-target":
      return `service class "${reason.serviceClass}" has no targets for model "${reason.model}"`;
    case "model-without-accelerator":
      return reason.undefinedAccelerators.length === 0
        ? `there are no performance data for model "${reason.model}"`
        : `model "${reason.model}" has performance data only for accelerators that are not defined: ${reason.undefinedAccelerators.join(", ")}`;
    case "kept-accelerator":
      return `it must stay on accelerator "${reason.accelerator}", which cannot serve it`;
    case "targets":
      return `no accelerator holds its targets: ${reason.missed.map(explainMiss).join(", ")}`;
    case "too-large":
      return `its batch or its number of replicas is too large to compute with on ${reason.accelerators.join(", ")}`;
    case "capacity":
      return "the capacity that is left does not suffice for all its replicas";
    case "time-limit":
      return "the time limit was over before it was sized";
  }
}

function explainMiss({ accelerator, target, reachedMs, allowedMs }: MissedTarget): string {
  const name = target === "itl" ? "ITL" : "TTFT";
  return `${accelerator} has ${name} ${Number(reachedMs.toPrecision(4))} ms of ${allowedMs} ms`;
}
