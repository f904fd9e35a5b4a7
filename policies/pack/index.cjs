"use strict";
// Pulumi loads a policy pack by `require`, after it has hooked TypeScript files with a compiler of its own. `import()`
// goes past that hook, to Node's type stripping, and Pulumi waits for a promise that a pack exports. Where the package
// is installed there are only compiled files.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

module.exports = existsSync(join(__dirname, "serve.js")) ? import("./serve.js") : import("./serve.ts");
