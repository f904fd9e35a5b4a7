import structProtocol, {
  type JavaScriptValue,
  type Struct,
} from "google-protobuf/google/protobuf/struct_pb.js";
import type { Wire } from "./values.ts";

export function wireOf(struct: Struct | undefined): Wire {
  return struct?.toJavaScript() ?? {};
}

/** Absent properties are left out: the protocol has no word for undefined. */
export function structOf(properties: Wire): Struct {
  const plain = JSON.parse(JSON.stringify(properties)) as Record<string, JavaScriptValue>;
  return structProtocol.Struct.fromJavaScript(plain);
}
