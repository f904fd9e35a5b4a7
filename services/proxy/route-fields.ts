import { z } from "zod";

/** A name of the routing table. */
export const routeName = z
  .string()
  .min(1)
  .max(256)
  // Control characters would break headers, logs and labels.
  .regex(/^[^\x00-\x20\x7f]+$/, { error: "expected a name without white space or control characters" });

/** Base URL of an engine. */
export const routeEndpoint = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    if (!url || !["http:", "https:"].includes(url.protocol) || text.endsWith("/")) return false;
    return !url.username && !url.password && !url.search && !url.hash;
  },
  { error: "expected an http or https base URL without credentials, query, fragment or trailing slash" },
);

/** Reports every name but the first of its kind, at its place in the list that `key` leads to. */
export function reportDuplicates(
  context: z.core.$RefinementCtx,
  key: readonly string[],
  names: readonly string[],
): void {
  names.forEach((found, index) => {
    if (names.indexOf(found) === index) return;
    context.addIssue({ code: "custom", message: `"${found}" is listed twice`, path: [...key, index] });
  });
}

/** Names, each of them once. */
export const uniqueNames = z
  .array(routeName)
  .superRefine((names, context) => reportDuplicates(context, [], names));
