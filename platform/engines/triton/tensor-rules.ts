import { records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { duplicates } from "../../spec/rules/duplicates.ts";

/** Tensors have names of their own, and keep their elements when their shape changes. */
export function tensorProblems(options: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  return (["input", "output"] as const).flatMap((what) => {
    const key = `${what}s`;
    return [
      ...duplicates(options[key], [...path, key], "name", what),
      ...records(options[key]).flatMap(({ entry, index }) => reshapeProblems(entry, [...path, key, index])),
    ];
  });
}

function reshapeProblems(tensor: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const shape = dimensions(tensor.shape);
  const reshape = dimensions(tensor.reshape);
  if (!shape || !reshape || sizes(shape).join() === sizes(reshape).join()) return [];
  return [
    {
      code: "SPEC_VALUE_CONFLICT",
      path: [...path, "reshape"],
      message: `[${reshape.join(", ")}] does not hold the elements of "${text(tensor.name) ?? ""}" with shape [${shape.join(", ")}]`,
      allowed: "as many elements, and as many sizes of -1 with as many elements between them",
    },
  ];
}

function dimensions(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) && value.every((size) => typeof size === "number") ? value : undefined;
}

/** Elements before, between and after the dimensions of any size. */
function sizes(shape: readonly number[]): readonly number[] {
  return shape.reduce<number[]>(
    (found, size) => (size === -1 ? [...found, 1] : [...found.slice(0, -1), (found.at(-1) ?? 1) * size]),
    [1],
  );
}
