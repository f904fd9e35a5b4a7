import { ProxyFailure } from "../proxy-failure.ts";
import { decodeString, expectEnd, forEachMember, type JsonSpan } from "./json-bytes.ts";

/** The reference contract's request, with the payload as a place in the body rather than as a value. */
export interface PredictEnvelope {
  readonly serverName: string | undefined;
  readonly serverType: string | undefined;
  readonly modelName: string;
  readonly modelVersion: string | undefined;
  /** Its bytes go upstream as they are: numbers above 2^53 and the client's own formatting survive. */
  readonly payload: JsonSpan;
}

/** Longest name in UTF-16 units. Registered names are far shorter; the limit bounds what errors and lookups handle. */
const maxNameLength = 256;

/**
 * Reads the envelope of `POST /predict`. Refuses duplicate keys (also when one is written with escapes), unknown keys
 * and wrong types, so that the proxy and an engine can never read two different requests from the same bytes.
 */
export function readPredictEnvelope(body: Buffer): PredictEnvelope {
  let serverName: string | undefined;
  let serverType: string | undefined;
  let modelName: string | undefined;
  let modelVersion: string | undefined;
  let payload: JsonSpan | undefined;
  const end = forEachMember(body, 0, (key, value) => {
    switch (key) {
      case "inference_server_name":
        serverName = readName(body, key, value, serverName);
        break;
      case "inference_server_type":
        serverType = readName(body, key, value, serverType);
        break;
      case "model_name":
        modelName = readName(body, key, value, modelName);
        break;
      case "model_version":
        modelVersion = readName(body, key, value, modelVersion);
        break;
      case "payload":
        if (payload) throw invalid(`"payload" is given twice.`);
        if (value.kind !== "object") throw invalid(`"payload" must be an object.`);
        payload = value;
        break;
      default:
        throw invalid(
          `A key is not known; allowed are inference_server_name, inference_server_type, model_name, model_version, payload.`,
        );
    }
  });
  expectEnd(body, end);
  if (modelName === undefined) throw invalid(`"model_name" is missing.`);
  if (!payload) throw invalid(`"payload" is missing.`);
  if (serverName === undefined && serverType === undefined) {
    throw invalid(`"inference_server_name" or "inference_server_type" is missing.`);
  }
  return { serverName, serverType, modelName, modelVersion, payload };
}

/** `earlier`: what the key was given as before. */
function readName(body: Buffer, key: string, value: JsonSpan, earlier: string | undefined): string {
  if (earlier !== undefined) throw invalid(`"${key}" is given twice.`);
  // A character takes at most six bytes, as \uXXXX.
  if (value.kind === "string" && value.end - value.start <= maxNameLength * 6 + 2) {
    const text = decodeString(body, value.start, value.end);
    if (text.length > 0 && text.length <= maxNameLength) return text;
  }
  throw invalid(`"${key}" must be a string of 1 to ${maxNameLength} characters.`);
}

function invalid(message: string): ProxyFailure {
  return new ProxyFailure("PREDICT_ENVELOPE_INVALID", message);
}
