import { join } from "node:path";

/**
 * Environment in which Node keeps what it compiled: tests start the command line, services and provider plugins more than
 * a hundred times, and half of each start is compiling the same modules.
 */
export const compileCache = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/compiled"),
} as const;
