/** Prepares the Python environments of the servers that are named, or of all that tests use, and says where each is. */
import {
  benchServers,
  preparePythonEnvironment,
  pythonServers,
  type PythonServer,
} from "./python-environments.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const wanted = process.argv.slice(2);
const known: readonly PythonServer[] = [...pythonServers, ...benchServers];
const unknown = wanted.filter((name) => !known.some((server) => server === name));
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(", ")}; there are ${known.join(", ")}\n`);
  process.exit(2);
}

const servers = wanted.length === 0 ? pythonServers : (wanted as readonly PythonServer[]);
const failures: string[] = [];
for (const server of servers) {
  const startedAtMillis = performance.now();
  try {
    const { folder } = await preparePythonEnvironment(server, say);
    say(`${server}: ${folder} (${((performance.now() - startedAtMillis) / 1_000).toFixed(0)} s)`);
  } catch (error) {
    failures.push(`${server}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

for (const failure of failures) process.stderr.write(`${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
