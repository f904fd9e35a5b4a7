import { ProxyFailure } from "../proxy-failure.ts";
import { decodeString, expectEnd, forEachMember, type JsonSpan } from "./json-bytes.ts";

/** The reference contract's request, with the payload as a place in the body rather than as a value. */
export interface PredictEnvelope {
  readonly serverName?: string;
  readonly serverType?: string;
  readonly modelName: string;
  readonly modelVersion?: string;
  /** Its bytes go upstream as they are: numbers above 2^53 and the client's own formatting survive. */
  readonly payload: JsonSpan;
}

/** Longest name in UTF-16 units. Registered names are far shorter; the limit bounds what errors and lookups handle. */
const maxNameLength = 256;

const fieldOfKey = {
  inference_server_name: "serverName",
  inference_server_type: "serverType",
  model_name: "modelName",
  model_version: "modelVersion",
} as const;

/**
 * Reads the envelope of `POST /predict`. Refuses duplicate keys (also when one is written with escapes), unknown keys
 * and wrong types, so that the proxy and an engine can never read two different requests from the same bytes.
 */
export function readPredictEnvelope(body: Buffer): PredictEnvelope {
  const fields: { [Field in (typeof fieldOfKey)[keyof typeof fieldOfKey]]?: string } = {};
  let payload: JsonSpan | undefined;
  const end = forEachMember(body, 0, (key, value) => {
    if (key === "payload") {
      if (payload) throw invalid(`"payload" is given twice.`);
      if (value.kind !== "object") throw invalid(`"payload" must be an object.`);
      payload = value;
      return;
    }
    if (key === undefined || !Object.hasOwn(fieldOfKey, key)) {
      throw invalid(`A key is not known; allowed are ${[...Object.keys(fieldOfKey), "payload"].join(", ")}.`);
    }
    const field = fieldOfKey[key as keyof typeof fieldOfKey];
    if (fields[field] !== undefined) throw invalid(`"${key}" is given twice.`);
    // A character takes at most six bytes, as \uXXXX.
    if (value.kind !== "string" || value.end - value.start > maxNameLength * 6 + 2) {
      throw invalid(`"${key}" must be a string of 1 to ${maxNameLength} characters.`);
    }
    const text = decodeString(body, value.start, value.end);
    if (text.length === 0 || text.length > maxNameLength) {
      throw invalid(`"${key}" must be a string of 1 to ${maxNameLength} characters.`);
    }
    fields[field] = text;
  });
  expectEnd(body, end);
  const { modelName, ...rest } = fields;
  if (modelName === undefined) throw invalid(`"model_name" is missing.`);
  if (!payload) throw invalid(`"payload" is missing.`);
  if (rest.serverName === undefined && rest.serverType === undefined) {
    throw invalid(`"inference_server_name" or "inference_server_type" is missing.`);
  }
  return { ...rest, modelName, payload };
}

function invalid(message: string): ProxyFailure {
  return new ProxyFailure("PREDICT_ENVELOPE_INVALID", message);
}
