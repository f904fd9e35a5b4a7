#!/usr/bin/env node
// Starts the command line: the TypeScript sources in the repository, the compiled files in the published package.
import { existsSync } from "node:fs";
import { requireNode } from "./require-node.js";

requireNode();
const source = new URL("../cli/main.ts", import.meta.url);
const { main } = await import(
  existsSync(source) ? source.href : new URL("../dist/cli/main.js", import.meta.url).href
);
process.exitCode = await main(process.argv.slice(2));
