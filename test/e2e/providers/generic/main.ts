import { stateFolderVariable } from "../planned-failures.ts";
import { serveProvider } from "../wire/serve.ts";
import { GenericProvider } from "./generic-provider.ts";

const folder = process.env[stateFolderVariable];
const [version = "0.0.0"] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write(`${stateFolderVariable} names no folder for the stand-in's resources\n`);
  process.exitCode = 1;
} else {
  await serveProvider(new GenericProvider(folder), version);
}
