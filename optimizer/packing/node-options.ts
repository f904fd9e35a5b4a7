/** How AWS bills a node; Karpenter's capacity types have the same names. */
export type PurchaseKind = "on-demand" | "reserved" | "spot";

/** One way to buy nodes. */
export interface PurchaseOption {
  readonly kind: PurchaseKind;
  /**
   * What a node costs as a share of the on-demand price, above 0. No catalog has it: spot prices change by the hour,
   * and what a reservation costs is in its contract. For capacity that is paid for either way, say next to nothing.
   */
  readonly priceFraction: number;
  /** Nodes there are of each instance type, which are then the only types. Default: of every type without limit. */
  readonly mostNodes?: Readonly<Record<string, number>>;
}

/** What nodes to buy besides the least that hold the replicas. */
export interface NodeOptions {
  /** At least one; the first of a kind counts. Default: on demand, at the catalog's prices. */
  readonly purchase?: readonly PurchaseOption[];
  /**
   * Largest share of each group's replicas that may stand on spot nodes, which may all be taken away at once.
   * Default: all of them.
   */
  readonly mostSpotFraction?: number;
  /**
   * Zones over which each group's replicas are spread evenly (no zone has two more of them than another), as
   * `topologySpreadConstraints` with `maxSkew: 1` and `DoNotSchedule` do: the loss of one of three zones takes at most
   * a third of a group, rounded up. A node stands in one zone. Default: not spread; nodes stand in any zone.
   */
  readonly zones?: readonly string[];
  /**
   * Room for more replicas, as a share of each group's, rounded up to whole ones: what a rolling update, a lost node
   * or a burst takes. Default: 0.
   */
  readonly headroomFraction?: number;
}

export const onDemand: PurchaseOption = { kind: "on-demand", priceFraction: 1 };
