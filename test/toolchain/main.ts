/** Builds what is missing of the test bed's programs and says where each is: `npm run toolchain`. */
import { buildTool, goProblem } from "./build-tool.ts";
import { carriedFiles, fetchCarried, locateCarried } from "./carried-files.ts";
import { goTools } from "./go-tools.ts";
import { locateTool } from "./locate-tool.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const isMissing =
  goTools.some(({ name }) => locateTool(name).kind === "missing") ||
  carriedFiles.some(({ name }) => locateCarried(name).kind === "missing");
const problem = isMissing ? await goProblem() : undefined;
if (problem !== undefined) {
  process.stderr.write(`the toolchain cannot be built: ${problem}\n`);
  process.exit(1);
}

const failures: string[] = [];
for (const tool of goTools) {
  const found = locateTool(tool.name);
  if (found.kind === "found") {
    say(`${tool.name}: ${found.path} (${found.source})`);
    continue;
  }
  const startedAtMillis = performance.now();
  try {
    const path = await buildTool(tool, say);
    say(`${tool.name}: ${path} (built in ${((performance.now() - startedAtMillis) / 1_000).toFixed(0)} s)`);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
}
for (const source of carriedFiles) {
  try {
    say(`${source.name}: ${await fetchCarried(source, say)}`);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
}

for (const failure of failures) process.stderr.write(`${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
