// Writes what is derived from the sources: the JSON Schema of the spec. `npm run check` fails when it differs.
import { readFileSync, writeFileSync } from "node:fs";
import { platformSpecJsonSchema } from "../platform/spec/json-schema.ts";

const file = new URL("../schema/platform.schema.json", import.meta.url);
const wanted = `${JSON.stringify(platformSpecJsonSchema, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (current() !== wanted) {
    console.error("schema/platform.schema.json is not what the sources say; run `npm run generate`");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, wanted);
}

function current(): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
