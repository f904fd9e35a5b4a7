/** Something that the cluster showed to be wrong with a manifest. */
export interface Finding {
  readonly kind:
    | "refused"
    | "not-available"
    | "rollout-blocked"
    | "not-drainable"
    | "selects-nothing"
    | "access-missing"
    | "access-excess";
  /** As `nameOf` names it. */
  readonly object: string;
  /** What was found, in the cluster's words where it has some. */
  readonly message: string;
}
