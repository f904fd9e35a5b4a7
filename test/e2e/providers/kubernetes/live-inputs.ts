import { isDeepStrictEqual } from "node:util";
import { isObject, revealed, type Wire } from "../wire/values.ts";
import { quantityOf } from "./quantity.ts";

/** Keys by which Kubernetes tells elements of a list apart. */
const listKeys = ["name", "key", "mountPath", "containerPort", "port", "type", "topologyKey", "uid", "ip"];

/** What the server makes of what it leaves out. */
const emptyValues: readonly unknown[] = [0, false, "", null];

/**
 * Inputs as they would have to be for the live object: every field that the inputs set has the live object's value, and
 * what others added stays out. Where both say the same in different words, the inputs' words stay.
 */
export function liveInputs(inputs: Wire, live: Wire): Wire {
  const { stringData, ...told } = revealed(inputs) as Record<string, unknown>;
  const found = project(told, live) as Record<string, unknown>;
  return stringData === undefined ? found : { ...found, stringData: liveTexts(stringData, live.data) };
}

function project(input: unknown, live: unknown): unknown {
  if (live === undefined || live === null) return isEmpty(input) ? input : undefined;
  if (isObject(input) && isObject(live)) {
    const entries = Object.entries(input).map(([key, value]) => [key, project(value, live[key])] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (Array.isArray(input) && Array.isArray(live)) return projectList(input, live);
  return saysTheSame(input, live) ? input : live;
}

function projectList(input: readonly unknown[], live: readonly unknown[]): unknown {
  const key = listKeys.find((candidate) => isKeyOf(candidate, input) && isKeyOf(candidate, live));
  if (key === undefined) {
    // Without a key the list belongs to one owner as a whole.
    const common = input.map((element, index) => project(element, live[index]));
    return [...common.filter((element) => element !== undefined), ...live.slice(input.length)];
  }
  const byKey = new Map(live.map((element) => [(element as Wire)[key], element]));
  return input
    .map((element) => project(element, byKey.get((element as Wire)[key])))
    .filter((element) => element !== undefined);
}

function isKeyOf(key: string, list: readonly unknown[]): boolean {
  const values = list.map((element) => (isObject(element) ? element[key] : undefined));
  return !values.includes(undefined) && new Set(values).size === values.length;
}

/** The server leaves out what is empty. */
function isEmpty(input: unknown): boolean {
  if (emptyValues.includes(input)) return true;
  if (Array.isArray(input)) return input.length === 0;
  return isObject(input) && Object.values(input).every(isEmpty);
}

/** `1000m` and `1` are one quantity, and the server writes it its own way. */
function saysTheSame(input: unknown, live: unknown): boolean {
  if (isDeepStrictEqual(input, live)) return true;
  const [asked, found] = [quantityOf(input), quantityOf(live)];
  return asked !== undefined && asked === found;
}

function liveTexts(stringData: unknown, data: unknown): unknown {
  if (!isObject(stringData)) return stringData;
  const live = isObject(data) ? data : {};
  return Object.fromEntries(
    Object.keys(stringData)
      .filter((key) => live[key] !== undefined)
      .map((key) => [key, Buffer.from(String(live[key]), "base64").toString("utf8")]),
  );
}
