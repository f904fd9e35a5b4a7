import { isUnknown, listAt, textAt, type Properties } from "./known-values.ts";
import { containersOf } from "./pod-containers.ts";
import type { ResourcePolicy } from "./policy.ts";

/**
 * A Triton server that polls its repository loads whatever appears there, half-copied or hostile: NVIDIA warns that
 * polling can lead to arbitrary code execution. In explicit mode only the proxy decides what is loaded.
 */
export const tritonNeverPolls: ResourcePolicy = {
  name: "triton-never-polls",
  description: "Triton servers run in explicit model control mode and never poll their repository.",
  level: "mandatory",
  check(resource) {
    return containersOf(resource).flatMap(({ place, container }) =>
      faultsOf(container).map((fault) => `${place}: ${fault}`),
    );
  },
};

function faultsOf(container: Properties): string[] {
  const raw = [...listAt(container, "command"), ...listAt(container, "args")];
  const words = wordsOf(raw);
  const modes = optionValues(words, "--model-control-mode");
  const faults: string[] = [];
  if (modes.includes("poll")) faults.push("--model-control-mode=poll is set; use explicit");
  if (optionValues(words, "--repository-poll-secs").length > 0) {
    faults.push("--repository-poll-secs is set; remove it and use --model-control-mode=explicit");
  }
  // An argument that is not known yet may be the one that is missed.
  const complete =
    !raw.some(isUnknown) &&
    !isUnknown(container.command) &&
    !isUnknown(container.args) &&
    !isUnknown(container.image);
  if (faults.length === 0 && complete && startsTriton(container, words) && modes.at(-1) !== "explicit") {
    faults.push("a Triton server without --model-control-mode=explicit");
  }
  return faults;
}

/** Splits shell lines too: `["sh", "-c", "exec tritonserver --model-control-mode poll"]` is as much of a server. */
function wordsOf(raw: readonly unknown[]): string[] {
  return raw
    .filter((argument) => typeof argument === "string")
    .flatMap((argument) => argument.split(/[\s;&|]+/))
    .map((word) => word.replace(/^["']+|["']+$/g, ""))
    .filter((word) => word !== "");
}

/** Values of an option, written `--name=value` or `--name value`. */
function optionValues(words: readonly string[], name: string): string[] {
  return words.flatMap((word, index) => {
    if (word === name) return [words[index + 1] ?? ""];
    return word.startsWith(`${name}=`) ? [word.slice(name.length + 1).replace(/^["']/, "")] : [];
  });
}

function startsTriton(container: Properties, words: readonly string[]): boolean {
  if (words.some((word) => /(?:^|\/)tritonserver$/.test(word))) return true;
  const ownEntrypoint = listAt(container, "command").length === 0;
  return ownEntrypoint && /(?:^|\/)tritonserver(?:[:@]|$)/.test(textAt(container, "image") ?? "");
}
