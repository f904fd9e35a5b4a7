import type { RouteModel } from "../../../platform/routes/routing-table.ts";
import type { Principal } from "./principal.ts";

/** Whether somebody may use a model. Without a list everybody may; an empty list admits nobody. */
export function mayUse(principal: Principal, allow: RouteModel["allow"]): boolean {
  if (allow === undefined) return true;
  // Who was not asked for a credential could be anybody, whatever a list calls them.
  if (principal.kind === "anonymous") return false;
  if (allow.users?.includes(principal.id)) return true;
  if (allow.roles === undefined) return false;
  for (const role of allow.roles) {
    if (principal.roles.includes(role)) return true;
  }
  return false;
}
