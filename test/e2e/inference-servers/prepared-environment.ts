import {
  pythonEnvironment,
  type PythonEnvironment,
  type PythonServer,
} from "../../toolchain/python-environments.ts";
import type { Need } from "../requires.ts";

/** The environment of a server; an error where it is not prepared. */
export function preparedEnvironment(server: PythonServer): Extract<PythonEnvironment, { kind: "ready" }> {
  const environment = pythonEnvironment(server);
  if (environment.kind === "missing") throw new Error(`${server}: ${environment.reason}`);
  return environment;
}

/** What a suite needs that runs a server. */
export function serverNeed(server: PythonServer): Need {
  const environment = pythonEnvironment(server);
  return { name: server, ...(environment.kind === "missing" ? { missing: environment.reason } : {}) };
}
