import { onTestFinished } from "vitest";
import { startEmulatedGroup, type EmulatorOptions } from "../../../services/emulator/emulator.ts";
import { present } from "./present.ts";

/** Starts a group that ends with the test, and gives the URL of its first replica. */
export async function startedGroup(options: EmulatorOptions): Promise<string> {
  const group = await startEmulatedGroup(options);
  onTestFinished(() => group.close());
  return present(group.endpoints[0]);
}

export function post(url: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(url, { method: "POST", body: text, ...(signal === undefined ? {} : { signal }) });
}

/** Asks again until the answer satisfies; tests so wait for an effect and not for a time. */
export async function eventually<T>(ask: () => Promise<T>, satisfies: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("the awaited effect did not show");
}

/** Value of one series in a metrics exposition. */
export async function metric(endpoint: string, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${endpoint}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
