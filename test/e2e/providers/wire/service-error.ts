import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import anyProtocol from "google-protobuf/google/protobuf/any_pb.js";
import protocol from "@pulumi/pulumi/proto/provider_pb.js";
import statusProtocol from "@pulumi/pulumi/proto/status_pb.js";
import { IncompleteResource } from "./resource-provider.ts";
import { structOf } from "./structs.ts";

/** Where gRPC carries what an error is about; its JavaScript implementation has no other way to it. */
const detailsKey = "grpc-status-details-bin";

/** A failed call, as the engine understands it; of an incomplete resource with what there is of it. */
export function serviceError(error: unknown): ServiceError {
  const metadata = new Metadata();
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof IncompleteResource) metadata.set(detailsKey, detailsOf(error));
  return Object.assign(new Error(message), { code: status.UNKNOWN, details: message, metadata });
}

function detailsOf(incomplete: IncompleteResource): Buffer {
  const detail = new protocol.ErrorResourceInitFailed();
  detail.setId(incomplete.id);
  detail.setInputs(structOf(incomplete.inputs));
  detail.setProperties(structOf(incomplete.outputs));
  detail.setReasonsList([...incomplete.reasons]);
  const packed = new anyProtocol.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const answer = new statusProtocol.Status();
  answer.setCode(status.UNKNOWN);
  answer.setMessage(incomplete.message);
  answer.addDetails(packed);
  return Buffer.from(answer.serializeBinary());
}
