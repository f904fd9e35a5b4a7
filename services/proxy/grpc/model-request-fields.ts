import { isUtf8 } from "node:buffer";
import { ProxyFailure } from "../proxy-failure.ts";
import { FieldReader, lengthDelimitedField, WireFormatError, wireTypes } from "./wire-format.ts";

/** In ModelInferRequest, ModelReadyRequest and ModelMetadataRequest alike. */
const nameField = 1;
const versionField = 2;

/** Names are folders of a model repository, which file systems end at 255 bytes. */
const maxNameBytes = 255;

/**
 * Fields of one message; each tensor, its bytes and each parameter is one. Reading that many takes about a millisecond,
 * which is what a message made of empty fields may cost.
 */
const maxFields = 65_536;

/** What a request for a model says about its route, and where in its bytes. */
export interface ModelRequestFields {
  readonly modelName: string;
  /** Absent: the message names none, or an empty one, which is the same in protobuf. */
  readonly version: string | undefined;
  /** The version's field with its tag, empty at the end where there is none. */
  readonly versionStart: number;
  readonly versionEnd: number;
}

/**
 * Reads the routing fields of a request for a model and skips the rest. Protobuf lets the last of repeated fields win,
 * but an engine's reader might not; what decides the route must be clear, so repeated ones are refused.
 *
 * @throws ProxyFailure REQUEST_INVALID
 */
export function readModelRequestFields(message: Buffer): ModelRequestFields {
  try {
    return read(message);
  } catch (error) {
    if (!(error instanceof WireFormatError)) throw error;
    throw new ProxyFailure("REQUEST_INVALID", `The message is not valid protobuf: ${error.message}.`);
  }
}

/** The message with the version that was chosen for it: the same bytes where it says so already, or none was. */
export function withModelVersion(message: Buffer, fields: ModelRequestFields, version: string): Buffer {
  if (version === "" || fields.version === version) return message;
  return Buffer.concat([
    message.subarray(0, fields.versionStart),
    lengthDelimitedField(versionField, version),
    message.subarray(fields.versionEnd),
  ]);
}

function read(message: Buffer): ModelRequestFields {
  let modelName: string | undefined;
  let version: string | undefined;
  let [versionStart, versionEnd] = [message.length, message.length];
  const reader = new FieldReader(message);
  for (let count = 0; reader.next(); count++) {
    if (count === maxFields) throw new WireFormatError(`more than ${maxFields} fields`);
    if (reader.number === nameField) {
      if (modelName !== undefined) throw repeated("model_name");
      modelName = textOf(message, reader, "model_name");
    } else if (reader.number === versionField) {
      if (version !== undefined) throw repeated("model_version");
      version = textOf(message, reader, "model_version");
      [versionStart, versionEnd] = [reader.tagStart, reader.end];
    }
  }
  if (!modelName) throw new ProxyFailure("REQUEST_INVALID", "The message names no model.");
  return { modelName, version: version || undefined, versionStart, versionEnd };
}

function textOf(message: Buffer, { wireType, start, end }: FieldReader, field: string): string {
  if (wireType !== wireTypes.lengthDelimited) throw new WireFormatError(`${field} is no string`);
  if (end - start > maxNameBytes) throw new WireFormatError(`${field} has more than ${maxNameBytes} bytes`);
  const bytes = message.subarray(start, end);
  if (!isUtf8(bytes)) throw new WireFormatError(`${field} is not UTF-8`);
  return bytes.toString("utf8");
}

function repeated(field: string): WireFormatError {
  return new WireFormatError(`${field} is given twice`);
}
