import { isMap, isNode, isScalar, isSeq, type Document, type LineCounter, type Node } from "yaml";
import type { SourcePosition } from "../errors/platform-error.ts";

/** Steps from the root of a document: keys and list indexes. */
export type SpecPath = readonly PropertyKey[];

/** `["engines", 0, "name"]` → `engines[0].name`. */
export function renderPath(path: SpecPath): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index > 0 ? "." : ""}${String(step)}`))
    .join("");
}

/** Finds where in a parsed YAML document a path lies. */
export class PositionFinder {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;

  constructor(document: Document, lines: LineCounter, file: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  /** Position of the value at the path; where it does not exist, of the nearest parent that does. */
  ofValue(path: SpecPath): SourcePosition {
    let node: Node | null = this.#document.contents;
    for (const step of path) {
      const child = childOf(node, step);
      if (!child) break;
      node = child;
    }
    return this.#at(node);
  }

  /** Position of the key at the end of the path rather than of its value. */
  ofKey(path: SpecPath): SourcePosition {
    const parent = this.#nodeAt(path.slice(0, -1));
    const last = path.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last));
      if (pair && isNode(pair.key)) return this.#at(pair.key);
    }
    return this.ofValue(path);
  }

  atOffset(offset: number): SourcePosition {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #nodeAt(path: SpecPath): Node | null {
    let node: Node | null = this.#document.contents;
    for (const step of path) node = childOf(node, step);
    return node;
  }

  #at(node: Node | null): SourcePosition {
    return this.atOffset(node?.range?.[0] ?? 0);
  }
}

function childOf(node: Node | null, step: PropertyKey): Node | null {
  if (isMap(node) || isSeq(node)) {
    const child = node.get(step, true);
    return isNode(child) ? child : null;
  }
  return null;
}
