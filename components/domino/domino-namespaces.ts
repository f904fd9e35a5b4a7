/** Namespaces that Domino's installer creates; their names are fixed. */
export const dominoNamespaces = {
  /** Domino's services: the API, the Mutation objects, the monitoring. */
  platform: "domino-platform",
  /** Users' runs: workspaces, jobs, apps and Model APIs. */
  compute: "domino-compute",
} as const;
