// Runs a program of this repository under a Node.js that can run it. Plain JavaScript that any Node.js understands:
// it is what an older one runs first, also when install scripts were off and npm found the system's Node.js.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Node.js strips types from `.ts` files without a flag since 22.18. */
export const nodeIsNewEnough = major > 22 || (major === 22 && minor >= 18);

/** Ends the process with what to do, where the Node.js is too old. */
export function requireNode() {
  if (nodeIsNewEnough) return;
  process.stderr.write(
    `RUNTIME_NODE_TOO_OLD Node.js ${process.versions.node} is too old; 22.18 or newer is needed.\n` +
      "    remedy: run `npm ci` with install scripts on (the project brings its own Node 24; npm 11 and newer:\n" +
      "            `npm install-scripts approve node`), or install Node.js 22.18 or newer.\n",
  );
  process.exit(1);
}

// `node bin/require-node.js <tool or script.ts> [arguments]`: what npm's scripts call.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  requireNode();
  const [program, ...rest] = process.argv.slice(2);
  const script = program.endsWith(".ts") ? program : toolScript(program);
  const child = spawn(process.execPath, [script, ...rest], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** The script behind a package's command, such as `vitest`. */
function toolScript(name) {
  const require = createRequire(import.meta.url);
  const manifestFile = require.resolve(`${name}/package.json`);
  const { bin } = require(manifestFile);
  return manifestFile.replace(/package\.json$/, typeof bin === "string" ? bin : (bin[name] ?? bin.tsc));
}
