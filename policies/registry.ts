import { costWithinBudget } from "./cost-within-budget.ts";
import { defaultDenyPerNamespace } from "./default-deny-per-namespace.ts";
import { engineContract } from "./engine-contract.ts";
import { imagesPinned } from "./images-pinned.ts";
import { leastPrivilege } from "./least-privilege.ts";
import { noPublicEndpoint } from "./no-public-endpoint.ts";
import type { Policy } from "./policy.ts";
import { tritonNeverPolls } from "./triton-never-polls.ts";

/** Every policy of the platform, in the order in which they are reported. */
export const policies: readonly Policy[] = [
  imagesPinned,
  noPublicEndpoint,
  leastPrivilege,
  defaultDenyPerNamespace,
  tritonNeverPolls,
  engineContract,
  costWithinBudget,
];
